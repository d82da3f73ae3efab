import { describe, expect, test } from "vitest";
import { activeBytes, selectionBytes } from "../../../../generators/plan/cost/bytes.ts";
import { denseTerms, sparseTerms } from "../../../../generators/plan/cost/terms.ts";
import type { Call, CallShape } from "../../../../generators/plan/cost/types.ts";

const ffn: CallShape = { hidden: 4096, intermediate: 14336, experts: 1, topK: 1, rank: null, predictorBits: null };
const predicted: CallShape = { ...ffn, rank: 1280, predictorBits: 16 };
const mixture: CallShape = { ...predicted, experts: 8, topK: 2 };

const call = (parts: Partial<Call>): Call => ({
  operator: "ffn",
  shape: ffn,
  tokens: 1,
  unionDensity: 0.25,
  bytes: 0.25 * 14336 * 24576,
  ...parts,
});

describe("bytes", () => {
  test("of active neurons are three rows each, and two where the gate rows have been read", () => {
    expect(activeBytes("ffn", ffn, 0.25)).toBe(3584 * 3 * 8192);
    expect(activeBytes("ffn_gate_first", ffn, 0.25)).toBe(3584 * 2 * 8192);
    expect(activeBytes("moe", mixture, 0.25)).toBe(8 * 3584 * 3 * 8192);
    expect(activeBytes("predict", predicted, 0.25)).toBe(0);
  });

  test("of a predictor are both matrices, fc2 perhaps in int8 with a scale a row", () => {
    expect(selectionBytes("ffn_predicted", predicted)).toBe(1280 * (4096 + 14336) * 2);
    const int8 = { ...predicted, predictorBits: 8 } as const;
    expect(selectionBytes("predict", int8)).toBe(1280 * 4096 * 2 + 1280 * 14336 + 4 * 14336);
    expect(selectionBytes("ffn", predicted)).toBe(0);
  });

  test("of gates are one row a neuron", () => {
    expect(selectionBytes("moe_gate_first", mixture)).toBe(14336 * 8192);
  });
});

describe("terms of a call", () => {
  test("with a given mask read active neurons only, by other kernels from 3 tokens on", () => {
    const bytes = call({}).bytes;
    expect(sparseTerms(call({ tokens: 2 }))).toEqual({
      launches: 2,
      parts: [{ path: "ffn_few", bytes, kiloResults: 8.192 }],
    });
    expect(sparseTerms(call({ tokens: 3 }))).toMatchObject({ launches: 3, parts: [{ path: "ffn_many", bytes }] });
  });

  test("with a predictor give it what is not of active neurons", () => {
    const selection = selectionBytes("ffn_predicted", predicted);
    const terms = sparseTerms(call({ operator: "ffn_predicted", shape: predicted, bytes: call({}).bytes + selection }));
    expect(terms.launches).toBe(4);
    expect(terms.parts.map(({ path, bytes }) => [path, bytes])).toEqual([
      ["predict16_few", selection],
      ["ffn_few", call({}).bytes],
    ]);
  });

  test("tell int8 from 16-bit predictors, gates, and mixtures from FFNs", () => {
    const pathsOf = (parts: Partial<Call>) => sparseTerms(call({ tokens: 16, ...parts })).parts.map(({ path }) => path);
    expect(pathsOf({ operator: "predict", shape: { ...predicted, predictorBits: 8 } })).toEqual(["predict8_many"]);
    expect(pathsOf({ operator: "ffn_gate_first" })).toEqual(["gate_many", "ffn_many"]);
    expect(pathsOf({ operator: "moe", shape: mixture })).toEqual(["predict16_many", "experts_many"]);
    expect(pathsOf({ operator: "moe", shape: mixture, tokens: 2 })).toEqual(["predict16_few", "ffn_few"]);
    const launchesOf = (parts: Partial<Call>) => sparseTerms(call({ tokens: 2, ...parts })).launches;
    expect(launchesOf({ operator: "ffn_predicted", shape: predicted })).toBe(4);
    expect(launchesOf({ operator: "moe", shape: mixture })).toBe(4 + 3);
  });

  test("that is dense read every neuron of the experts visited, by what their predictors add to the bytes", () => {
    expect(denseTerms(call({})).parts).toMatchObject([{ path: "dense_ffn", bytes: 14336 * 24576 }]);
    const selection = 3 * selectionBytes("moe", mixture);
    const bytes = selection + activeBytes("moe", mixture, 0.02);
    const dense = (tokens: number) =>
      denseTerms(call({ operator: "moe", shape: mixture, tokens, unionDensity: 0.02, bytes })).parts;
    expect(dense(2)).toMatchObject([{ path: "dense_experts", bytes: expect.closeTo(3 * 14336 * 24576, -3) }]);
    // A token is routed to two experts: what else was read is of the low plane.
    expect(dense(1)).toMatchObject([{ bytes: 2 * 14336 * 24576 }]);
  });
});
