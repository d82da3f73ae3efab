import { microseconds, percent, times } from "../../generators/report/format.ts";
import { standalonePlot } from "../../generators/report/plot/standalone.ts";
import { parseRecord } from "../../generators/report/record/read.ts";
import type { BenchRecord, BenchResult } from "../../generators/report/record/schema.ts";
import { type LayerLine, layerPlot, mostSparseTokens, unionPlot } from "./expectation-plots.ts";
import { servingSection } from "./expectations-serving.ts";
import { table } from "./markdown.ts";

/** Text by path relative to the repository. */
type Files = Readonly<Record<string, string>>;

const folder = "docs/measurements";
const title = "FFN of 4096 x 14336, H200";

/**
 * docs/expectations.md and its plots, from the records of docs/measurements: no number is written by hand.
 * `measurements` are those files.
 */
export function expectations(measurements: Files): Files {
  const bench = (name: string): BenchRecord => {
    const path = `${folder}/${name}.json`;
    return parseRecord(path, measurements[path] ?? "");
  };
  const mistral = bench("h200-bench-mistral-7b");
  const ffn: LayerLine[] = [
    { label: "mask given", results: chosen(mistral, { operator: "ffn", density: 0.1 }) },
    { label: "16-bit predictor", results: chosen(mistral, { operator: "ffn_predicted", predictorBits: 16 }) },
    { label: "int8 predictor", results: chosen(mistral, { operator: "ffn_predicted", predictorBits: 8 }) },
    { label: "gate first, 20%", results: chosen(bench("h200-bench-gate-first"), { operator: "ffn_gate_first" }) },
  ];
  const mixtral = bench("h200-bench-mixtral-47b");
  const moe: LayerLine[] = [
    { label: "16-bit predictor", results: chosen(mixtral, { operator: "moe", predictorBits: 16 }) },
    { label: "int8 predictor", results: chosen(mixtral, { operator: "moe", predictorBits: 8 }) },
  ];
  const densities: LayerLine[] = [0.05, 0.1, 0.15, 0.2].map((density) => ({
    label: `${percent(density)} active`,
    results: chosen(mistral, { operator: "ffn", density }),
  }));
  const small = JSON.parse(measurements[`${folder}/small-model.json`] ?? "");
  const growths = {
    "small, texts": small.unionDensity.independent,
    "small, one text": small.unionDensity.consecutive,
    "bench, 10%": Object.fromEntries(
      (ffn[0]?.results ?? []).filter(inPlot).map(({ tokens, unionDensity }) => [tokens, unionDensity]),
    ),
  };
  const serving = servingSection(measurements);
  const plots = {
    "ffn-by-tokens": layerPlot("ffn-by-tokens", title, ffn),
    "ffn-by-density": layerPlot("ffn-by-density", `${title}, mask given`, densities),
    "moe-by-tokens": layerPlot("moe-by-tokens", "8 experts of 4096 x 14336, top 2, 15% active, H200", moe),
    unions: unionPlot("unions", "How the union of active neurons grows", growths),
    ...serving.plots,
  };
  const text = [
    "# What to expect",
    "",
    "<!-- Made by `npm run docs` from docs/measurements; do not edit. -->",
    "",
    "A decode step gains what its layers do not read. Three numbers decide how much that is: how many tokens the step has,",
    "how many neurons they activate together, and how much of the step the feed-forward layers are. All times are of one",
    "GPU each, named in the record; weights are synthetic with planted sparsity. Filled markers ran sparse kernels, hollow",
    "ones dense GEMMs on the same weights.",
    "",
    "## One layer, without a server",
    "",
    "Speed-up over the best dense form of the layer, which evaluates no predictor, in the same run.",
    "",
    image("ffn-by-tokens", title),
    "",
    ...layerTable(ffn),
    "",
    "A mixture sends each token to two of eight experts, so an expert sees a quarter of the batch and sparsity lasts to",
    "larger ones.",
    "",
    image("moe-by-tokens", "Speed-up of a mixture by tokens"),
    "",
    ...layerTable(moe),
    "",
    `Calls of more than ${mostSparseTokens} tokens, which are mostly prefills, run dense GEMMs with the model's mask. They are what`,
    "a sparse model costs where it cannot gain: its predictor is evaluated in addition.",
    "",
    ...longTable([
      ...ffn.slice(0, 2),
      ...moe.slice(0, 1).map((line) => ({ ...line, label: "mixture, 16-bit predictor" })),
    ]),
    "",
    "## How many neurons a batch needs",
    "",
    "A neuron is read if one token of the step activates it. The union grows with the batch, and how fast depends on the",
    "model and on the texts: `bench` is what the layer times above suppose, the others were counted in the",
    "[small model](small-model.md) of the tests, whose sparsity was learned, over tokens of different texts, as a batch of",
    "requests has, and over consecutive ones.",
    "",
    image("unions", "Share of neurons in the union by tokens"),
    "",
    "[`python -m turbosparse profile`](profile.md) counts it in your model on your texts. With fewer or more active neurons a",
    "layer gains like this:",
    "",
    image("ffn-by-density", "Speed-up by tokens at four densities"),
    "",
    "## In vLLM",
    "",
    ...serving.text,
    "",
    "## On your GPU",
    "",
    "[proof.md](proof.md) has the commands that measure all of this anew. Records: [docs/measurements](measurements/README.md).",
    "",
  ];
  return {
    "docs/expectations.md": text.join("\n"),
    ...Object.fromEntries(
      Object.entries(plots).map(([name, plot]) => [`docs/plots/${name}.svg`, standalonePlot(plot)]),
    ),
  };
}

interface Choice {
  readonly operator: BenchResult["operator"];
  readonly density?: number;
  readonly predictorBits?: number;
}

/** Results of one workload, in the order of tokens. */
function chosen({ results }: BenchRecord, { operator, density, predictorBits }: Choice): BenchResult[] {
  const found = results.filter(
    (result) =>
      result.operator === operator &&
      (density === undefined || result.density === density) &&
      (predictorBits === undefined || result.shape.predictorBits === predictorBits),
  );
  if (found.length === 0) throw new Error(`No record of docs/measurements has results of ${operator}.`);
  return found.sort((a, b) => a.tokens - b.tokens);
}

const inPlot = ({ tokens }: BenchResult): boolean => tokens <= mostSparseTokens;

const image = (name: string, description: string): string => `![${description}](plots/${name}.svg)`;

function layerTable(lines: readonly LayerLine[]): string[] {
  return resultsTable(lines, inPlot, "tokens");
}

function longTable(lines: readonly LayerLine[]): string[] {
  return resultsTable(lines, (result) => !inPlot(result), "tokens");
}

/** A row for each line, a column for each number of tokens that some line has. */
function resultsTable(lines: readonly LayerLine[], shown: (result: BenchResult) => boolean, head: string): string[] {
  const counts = [...new Set(lines.flatMap(({ results }) => results.filter(shown).map(({ tokens }) => tokens)))];
  counts.sort((a, b) => a - b);
  const rows = lines.map(({ label, results }) => [
    label,
    ...counts.map((count) => {
      const result = results.find(({ tokens }) => tokens === count);
      return result?.speedup == null ? "" : `${microseconds(result.microseconds)} us, ${times(result.speedup)}`;
    }),
  ]);
  return table([head, ...counts.map(String)], rows);
}
