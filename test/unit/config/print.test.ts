import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configDocument, resolvedData } from "../../../generators/config/print.ts";
import { resolveConfig } from "../../../generators/config/resolve.ts";
import { testEnv } from "../../support/env.ts";

describe("configDocument", () => {
  it("prints YAML that reads back, with each origin beside its value", async () => {
    const config = await resolveConfig(await testEnv(), { arch: ["sm_80"] });
    const data = resolvedData(config);
    const text = configDocument(data, config.origins);
    expect(parse(text)).toEqual(data);
    expect(text).toContain("archs: [sm_80] # flag: --arch\n");
    expect(text.match(/ # /g)).toHaveLength(config.origins.size);
    expect(configDocument(data)).not.toContain("#");
  });
});
