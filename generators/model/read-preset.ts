import { didYouMean } from "../suggest.ts";
import { chooseActivation, chooseGateThreshold, chooseSelection } from "./choose.ts";
import { modelError } from "./error.ts";
import { families } from "./families.ts";
import { presets } from "./presets.ts";
import type { ModelChoices, ModelReading } from "./reading.ts";
import type { ModelSpec } from "./types.ts";

/** A preset's shapes with the user's choices applied. `where` is the flag or place that names it. */
export function readPreset(name: string, choices: ModelChoices, where: string): ModelReading {
  const preset = presets.get(name);
  const family = families.find((known) => known.architecture === preset?.architecture);
  if (preset === undefined || family === undefined) {
    const known = [...presets.keys()];
    throw modelError(
      "TS2008",
      `${where}: unknown preset "${name}".`,
      `${didYouMean(name, known)}Known presets: ${known.join(", ")}.`,
    );
  }
  const activation = chooseActivation(family, choices, where);
  const selection = chooseSelection(true, choices, where);
  const spec: ModelSpec = {
    ...preset,
    name: choices.name ?? preset.name,
    activation,
    gateThreshold: chooseGateThreshold(undefined, activation, choices, where),
    selection,
    predictorRanks: selection === "predictor" ? preset.predictorRanks : [],
    dtype: choices.dtype ?? preset.dtype,
    density: choices.density ?? preset.density,
  };
  return { spec, sources: new Map(Object.keys(spec).map((key) => [key as keyof ModelSpec, name])) };
}
