import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { cliReference } from "../../../scripts/docs/cli-reference.ts";
import { configReference } from "../../../scripts/docs/config-reference.ts";

describe("cliReference", () => {
  const page = cliReference(
    [
      {
        name: "cache",
        summary: "looks after the cache",
        configure: (command: Command) => {
          const prune = command.command("prune").description("removes old entries");
          prune
            .argument("<days>", "age in days")
            .option("--max <size>", "keep at most", "20G")
            .option("--json", "as JSON");
        },
        run: async () => "ok" as const,
      },
    ],
    [{ name: "failed", code: 1, meaning: "A check | failed." }],
  );

  it("shows sub-commands with arguments, options and defaults", () => {
    expect(page).toContain("## cache\n\nLooks after the cache.");
    expect(page).toContain("### cache prune\n\nRemoves old entries.");
    expect(page).toContain("| `days` | Age in days. |");
    expect(page).toContain("| `--max <size>` | Keep at most. Default: `20G`. |");
    expect(page).toContain("| `--json` | As JSON. |");
  });

  it("shows the exit codes", () => {
    expect(page).toContain("| 1 | `failed` | A check \\| failed. |");
  });
});

describe("configReference", () => {
  it("lists nested keys with their limits", () => {
    const page = configReference(
      JSON.stringify({
        required: ["schemaVersion"],
        properties: {
          schemaVersion: { type: "number", const: 1 },
          models: {
            type: "array",
            items: { properties: { density: { type: "number", exclusiveMinimum: 0, maximum: 1 } } },
          },
          archs: { type: "array", items: { enum: ["sm_80", "sm_90a"] }, description: "GPU architectures." },
          tokens: { properties: { min: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER } } },
        },
      }),
    );
    expect(page).toContain("| `schemaVersion` | `1` | Required. |");
    expect(page).toContain("| `models[].density` | number > 0, ≤ 1 |");
    expect(page).toContain("| `archs` | list of `sm_80`, `sm_90a` | GPU architectures. |");
    expect(page).toContain("| `tokens.min` | integer ≥ 1 |");
  });
});
