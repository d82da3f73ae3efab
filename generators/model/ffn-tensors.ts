import { counted } from "../counted.ts";
import { modelError } from "./error.ts";
import type { Family, Sizes } from "./families.ts";
import { predictorFc1, predictorFc2 } from "./layouts.ts";
import type { Checkpoint, CheckpointTensor } from "./safetensors/checkpoint.ts";

const elementTypes = ["BF16", "F16", "F32"];

/** Checks every FFN tensor against the config and returns the predictor rank of each layer, none if there is none. */
export function checkFfnTensors(checkpoint: Checkpoint, family: Family, sizes: Sizes): readonly number[] {
  checkNoFurtherLayer(checkpoint, family, sizes);
  const hasPredictor = family.predictor !== "never" && checkpoint.has(family.layout.expert(0, 0) + predictorFc1);
  if (family.predictor === "required" && !hasPredictor) {
    throw missing(family.layout.expert(0, 0) + predictorFc1);
  }
  const ranks: number[] = [];
  for (let layer = 0; layer < sizes.layers; layer++) {
    for (let expert = 0; expert < sizes.experts; expert++) {
      const prefix = family.layout.expert(layer, expert);
      checkShape(checkpoint, prefix + family.layout.gate, [sizes.intermediate, sizes.hidden]);
      checkShape(checkpoint, prefix + family.layout.up, [sizes.intermediate, sizes.hidden]);
      checkShape(checkpoint, prefix + family.layout.down, [sizes.hidden, sizes.intermediate]);
      checkNoBias(checkpoint, family, prefix);
      if (hasPredictor) checkPredictor(checkpoint, prefix, sizes, ranks, layer, expert);
    }
  }
  return ranks;
}

function checkPredictor(
  checkpoint: Checkpoint,
  prefix: string,
  sizes: Sizes,
  ranks: number[],
  layer: number,
  expert: number,
): void {
  const fc1 = find(checkpoint, prefix + predictorFc1);
  const rank = fc1.shape[0] ?? 0;
  if (expert === 0) ranks.push(rank);
  // The experts of a layer go through one grouped matrix product, so they share one rank.
  checkShape(checkpoint, prefix + predictorFc1, [ranks[layer] ?? rank, sizes.hidden]);
  checkShape(checkpoint, prefix + predictorFc2, [sizes.intermediate, ranks[layer] ?? rank]);
}

function checkShape(checkpoint: Checkpoint, name: string, expected: readonly number[]): void {
  const tensor = find(checkpoint, name);
  if (tensor.shape.length !== expected.length || tensor.shape.some((length, axis) => length !== expected[axis])) {
    throw modelError(
      "TS2202",
      `${tensor.file}: tensor ${name} has shape [${tensor.shape.join(", ")}], expected [${expected.join(", ")}].`,
      "config.json and the checkpoint must be of one model.",
    );
  }
  if (!elementTypes.includes(tensor.dtype)) {
    throw modelError(
      "TS2203",
      `${tensor.file}: tensor ${name} is ${tensor.dtype}, expected one of ${elementTypes.join(", ")}.`,
      "Quantised checkpoints are not supported.",
    );
  }
}

function checkNoBias(checkpoint: Checkpoint, family: Family, prefix: string): void {
  const { gate, up, down } = family.layout;
  for (const weight of [gate, up, down, predictorFc1, predictorFc2]) {
    const bias = prefix + weight.replace(/weight$/, "bias");
    const tensor = checkpoint.get(bias);
    if (tensor === undefined) continue;
    throw modelError("TS2204", `${tensor.file}: tensor ${bias} is a bias, and the sparse FFN has none.`);
  }
}

/** A config with too few layers or experts would build, and then leave the rest of the model unserved. */
function checkNoFurtherLayer(checkpoint: Checkpoint, family: Family, sizes: Sizes): void {
  const beyond = [family.layout.block(sizes.layers)];
  if (sizes.experts > 1) beyond.push(family.layout.expert(0, sizes.experts));
  for (const [name, tensor] of checkpoint) {
    if (!beyond.some((prefix) => name.startsWith(prefix))) continue;
    const counts = `${counted(sizes.layers, "layer")}${sizes.experts > 1 ? ` of ${sizes.experts} experts` : ""}`;
    throw modelError("TS2205", `${tensor.file} holds tensor ${name}, but config.json says ${counts}.`);
  }
}

function find(checkpoint: Checkpoint, name: string): CheckpointTensor {
  const tensor = checkpoint.get(name);
  if (tensor === undefined) throw missing(name);
  return tensor;
}

function missing(name: string) {
  return modelError(
    "TS2201",
    `Tensor ${name} is missing from the checkpoint.`,
    "Finish the download, or check config.json.",
  );
}
