import { gemmTokens, streamTokens } from "../tokens.ts";
import { activeBytes, denseBytes, selectionBytes, stepsOf } from "./bytes.ts";
import type { Call, CallShape, Path, Step } from "./types.ts";

/** What the time of a call is linear in: `call + launches * launch + sum over parts of results and bytes`. */
export interface CallTerms {
  readonly launches: number;
  readonly parts: readonly PartTerms[];
}

export interface PartTerms {
  readonly path: Path;
  readonly bytes: number;
  /** Thousands of elements of the result. */
  readonly kiloResults: number;
}

/** Kernels of each step: fc1 and select; gate; stream and reduce; gate_up, union_down and reduce. */
const launchesOf = { predict: 2, gate: 1, ffn: { few: 2, many: 3 } } as const;
/** Those that in a mixture read the routing before any weights, which delays them by about as much again. */
const routedOf = { predict: 2, gate: 1, ffn: 1 } as const;
/** The two GEMMs and the activation between them. */
const denseLaunches = 3;

type Crowd = "few" | "many";

/** Streams keep the whole output of few tokens in registers, and the smallest `row_gemm` has room for few. */
const mostOfFew = { predict: gemmTokens[0], gate: gemmTokens[0], ffn: Math.max(...streamTokens) } as const;

const crowdOf = (step: Step, tokens: number): Crowd => (tokens <= mostOfFew[step] ? "few" : "many");

const kiloResults = ({ hidden }: CallShape, tokens: number) => (tokens * hidden) / 1000;

function pathOf(step: Step, { experts, predictorBits }: CallShape, tokens: number): Path {
  const crowd = crowdOf(step, tokens);
  switch (step) {
    case "predict":
      return predictorBits === 8 ? `predict8_${crowd}` : `predict16_${crowd}`;
    case "gate":
      return `gate_${crowd}`;
    case "ffn":
      // A stream reads the neurons of a mixture as those of an FFN; rows gathered from several experts come slower.
      return crowd === "many" && experts > 1 ? "experts_many" : `ffn_${crowd}`;
  }
}

/** Terms of a call that the sparse kernels serve: what finds the active neurons reads all bytes but theirs. */
export function sparseTerms(call: Call): CallTerms {
  const { operator, shape, tokens, bytes } = call;
  const steps = stepsOf[operator];
  const parts = steps.map((step) => ({
    path: pathOf(step, shape, tokens),
    bytes: step === "ffn" ? bytes - bytesOfSelection(call) : bytesOfSelection(call),
    kiloResults: kiloResults(shape, tokens),
  }));
  const ofMixture = shape.experts > 1;
  const launchesIn = (step: Step) =>
    (step === "ffn" ? launchesOf.ffn[crowdOf(step, tokens)] : launchesOf[step]) + (ofMixture ? routedOf[step] : 0);
  const launches = steps.reduce((sum, step) => sum + launchesIn(step), 0);
  return { launches, parts };
}

/** Terms of the dense form of the same layer, which reads every neuron of the experts visited. */
export function denseTerms(call: Call): CallTerms {
  const { shape, tokens } = call;
  const path = shape.experts === 1 ? "dense_ffn" : "dense_experts";
  const bytes = visitedExperts(call) * denseBytes(shape);
  return { launches: denseLaunches, parts: [{ path, bytes, kiloResults: kiloResults(shape, tokens) }] };
}

const bytesOfSelection = ({ operator, shape, unionDensity, bytes }: Call): number =>
  Math.max(0, bytes - activeBytes(operator, shape, unionDensity));

/**
 * How many experts the call's tokens are routed to, by the bytes of what finds the active neurons in each: of int8, whose
 * low plane is read where it is needed, the most that can be.
 */
function visitedExperts(call: Call): number {
  const { operator, shape, tokens } = call;
  if (shape.experts === 1) return 1;
  return Math.min(shape.experts, tokens * shape.topK, bytesOfSelection(call) / selectionBytes(operator, shape));
}
