import { modelError } from "./error.ts";
import type { Family } from "./families.ts";
import type { HfConfig } from "./hf-config.ts";
import type { ModelChoices } from "./reading.ts";
import type { Activation, Selection, WeightDtype } from "./types.ts";

/** `where` names the model for errors: its folder or its preset. */
export function chooseActivation(family: Family, choices: ModelChoices, where: string): Activation {
  const activation = choices.activation ?? family.defaultActivation;
  if (activation === undefined) {
    throw modelError(
      "TS2401",
      `${where}: the config of a ${family.architecture} cannot tell drelu from reglu.`,
      `Set the key "activation" of this model in turbosparse.yaml to ${family.activations.join(" or ")}; \`init --activation\` writes it.`,
    );
  }
  if (family.activations.includes(activation)) return activation;
  throw modelError(
    "TS2402",
    `${where}: activation "${activation}" contradicts ${family.architecture}, which computes ${family.activations.join(" or ")}.`,
    "Leave the key activation out.",
  );
}

/** Published FATReLU models write `"hidden_act": "fatrelu"` with the threshold in `hidden_act_param`. */
export function chooseGateThreshold(
  config: HfConfig | undefined,
  activation: Activation,
  choices: ModelChoices,
  where: string,
): number {
  const fromConfig = config === undefined ? undefined : configThreshold(config);
  const threshold = choices.gateThreshold ?? fromConfig ?? 0;
  if (fromConfig === undefined && choices.gateThreshold === undefined && config?.values.hidden_act === "fatrelu") {
    throw modelError(
      "TS2403",
      `${where}: "hidden_act" is "fatrelu" but "hidden_act_param" does not give its threshold.`,
      'Set the key "gateThreshold" of this model in turbosparse.yaml.',
    );
  }
  if (threshold === 0 || activation === "reglu") return threshold;
  throw modelError(
    "TS2404",
    `${where}: a gate threshold of ${threshold} needs activation "reglu", but this model computes drelu.`,
    "Leave the key gateThreshold out.",
  );
}

function configThreshold(config: HfConfig): number | undefined {
  if (config.values.hidden_act !== "fatrelu") return undefined;
  const value = config.values.hidden_act_param;
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw modelError(
    "TS2004",
    `${config.path}: "hidden_act_param" must be a number of at least 0, found ${JSON.stringify(value)}.`,
  );
}

export function chooseSelection(hasPredictor: boolean, choices: ModelChoices, where: string): Selection {
  if (choices.selection !== "predictor") return choices.selection ?? (hasPredictor ? "predictor" : "gate-first");
  if (hasPredictor) return "predictor";
  throw modelError(
    "TS2405",
    `${where}: selection "predictor" needs predictor tensors, and this checkpoint has none.`,
    "Leave the key selection out, or set it to gate-first.",
  );
}

/** transformers 5 writes `dtype`, earlier versions `torch_dtype`. */
export function chooseDtype(config: HfConfig, choices: ModelChoices): { dtype: WeightDtype; source: string } {
  if (choices.dtype !== undefined) return { dtype: choices.dtype, source: "" };
  const key = config.values.dtype === undefined ? "torch_dtype" : "dtype";
  const value = config.values[key];
  if (value === "bfloat16") return { dtype: "bf16", source: key };
  if (value === "float16") return { dtype: "fp16", source: key };
  throw modelError(
    "TS2406",
    `${config.path}: "${key}" is ${JSON.stringify(value) ?? "absent"}, expected "bfloat16" or "float16".`,
    'Set the key "dtypes.weights" in turbosparse.yaml to bf16 or fp16.',
  );
}
