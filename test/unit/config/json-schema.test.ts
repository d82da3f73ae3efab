import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configJsonSchema } from "../../../generators/config/json-schema.ts";
import { archs } from "../../../generators/plan/types.ts";
import { repositoryRoot } from "../../support/env.ts";

describe("docs/turbosparse.schema.json", () => {
  it("is the schema that validates", async () => {
    expect(await readFile(join(repositoryRoot, "docs/turbosparse.schema.json"), "utf8")).toBe(configJsonSchema());
  });

  it("refuses unknown keys at every level and lists the architectures", () => {
    const schema = JSON.parse(configJsonSchema());
    const { models, tokens, dtypes, archs: archList } = schema.properties;
    for (const level of [schema, models.items, tokens, dtypes]) expect(level.additionalProperties).toBe(false);
    expect(models.items.oneOf).toEqual([{ required: ["path"] }, { required: ["preset"] }]);
    expect(archList.items.enum).toEqual(archs);
  });
});
