import type { ModelSpec } from "../model/types.ts";
import { archs } from "../plan/types.ts";

/** One model of a new configuration file. */
export interface StarterModel {
  readonly spec: ModelSpec;
  readonly from: { readonly preset: string } | { readonly path: string };
  /** Written out when the user had to decide it. */
  readonly activation?: string;
}

/** The text of a commented turbosparse.yaml. Keys that keep their default are there as comments. */
export function starterFile(models: readonly StarterModel[], chosenArchs: readonly string[] | undefined): string {
  const archLine = chosenArchs === undefined ? "# archs: [sm_90a]" : `archs: [${chosenArchs.join(", ")}]`;
  return `# What turbosparse-plugin builds. docs/config.md explains every key;
# \`turbosparse-plugin config print --resolved --origin\` shows what this file comes to.
schemaVersion: 1

models:
${models.map(modelEntry).join("")}
# GPU architectures: ${archs.join(", ")}.
# Default: this machine's, else sm_90a.
${archLine}

# Tokens of one call that the sparse kernels serve, within 1 and 64.
# tokens: { min: 1, max: 64 }

# Tensor-parallel sizes to build shards for.
# tensorParallel: [1]

# What uses the kernels: vllm, tensorrt, cpp.
# engines: [vllm]

# Element types on the device. Default: the checkpoint's.
# dtypes: { weights: bf16 }
`;
}

function modelEntry({ spec, from, activation }: StarterModel): string {
  const source = "preset" in from ? `preset: ${from.preset}` : `path: ${JSON.stringify(from.path)}`;
  const lines = [
    `  # ${describe(spec)}`,
    `  - ${source}`,
    activation === undefined ? `    # activation: ${spec.activation}` : `    activation: ${activation}`,
    `    # selection: ${spec.selection}`,
    "    # Share of the neurons that a token is expected to activate; a measured value gives better kernels.",
    `    # density: ${spec.density}`,
  ];
  if (spec.activation === "reglu") lines.splice(3, 0, `    # gateThreshold: ${spec.gateThreshold}`);
  return `${lines.join("\n")}\n`;
}

function describe(spec: ModelSpec): string {
  const experts = spec.experts === 1 ? "" : `${spec.experts} experts (${spec.topK} a token) of `;
  const ranks = [Math.min(...spec.predictorRanks), Math.max(...spec.predictorRanks)];
  const selection =
    spec.selection === "predictor" ? `predictor ranks ${[...new Set(ranks)].join(" to ")}` : "no predictor";
  return `${spec.architecture}: ${spec.layers} layers, hidden ${spec.hidden}, ${experts}${spec.intermediate} neurons, ${spec.dtype}, ${selection}.`;
}
