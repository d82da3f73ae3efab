import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duplicateKey } from "../../../generators/model/safetensors/duplicate-key.ts";
import { headerLength, maxHeaderBytes, parseHeader } from "../../../generators/model/safetensors/header.ts";
import { bytesOf } from "../../support/model-folder.ts";

type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };

/** Headers of files whose tensors lie one after another, in an order of their own. */
const files = fc
  .dictionary(
    fc.string({ minLength: 1 }).filter((name) => name !== "__metadata__" && name !== "__proto__"),
    fc.record({ dtype: fc.constantFrom(...Object.keys(bytesOf)), shape: fc.array(fc.nat(9), { maxLength: 3 }) }),
    { minKeys: 1, maxKeys: 8 },
  )
  .map((tensors) => {
    const entries: Record<string, Entry> = {};
    let end = 0;
    for (const [name, { dtype, shape }] of Object.entries(tensors).reverse()) {
      const begin = end;
      end += shape.reduce((product, length) => product * length, bytesOf[dtype] ?? 0);
      entries[name] = { dtype, shape, data_offsets: [begin, end] };
    }
    return { entries, bytes: end };
  });

const encode = (header: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(header));
const prefix = (length: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  return bytes;
};

describe("headerLength", () => {
  it("reads every length that fits the file", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: maxHeaderBytes }), fc.nat(), (length, rest) => {
        expect(headerLength(prefix(BigInt(length)), 8 + length + rest, "f")).toBe(length);
      }),
    );
  });

  it("refuses every length beyond the file or the format", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(2 * maxHeaderBytes), (length, afterPrefix) => {
        fc.pre(length > BigInt(afterPrefix) || length > BigInt(maxHeaderBytes));
        expect(() => headerLength(prefix(length), 8 + afterPrefix, "f")).toThrow(/f is damaged: its header claims/);
      }),
    );
  });
});

describe("parseHeader", () => {
  it("returns what was written", () => {
    fc.assert(
      fc.property(files, ({ entries, bytes }) => {
        const header = { __metadata__: { format: "pt" }, ...entries };
        const expected = Object.entries(entries).map(([name, { dtype, shape }]) => [name, { dtype, shape }]);
        expect(parseHeader(encode(header), bytes, "f")).toEqual(new Map(expected as []));
      }),
    );
  });

  it("refuses every change to one offset", () => {
    fc.assert(
      fc.property(
        files,
        fc.nat(),
        fc.nat(1),
        fc.integer({ min: -64, max: 64 }),
        ({ entries, bytes }, pick, side, by) => {
          fc.pre(by !== 0);
          const names = Object.keys(entries);
          const entry = entries[names[pick % names.length] ?? ""];
          if (entry === undefined) return;
          entry.data_offsets[side as 0 | 1] += by;
          expect(() => parseHeader(encode(entries), bytes, "f")).toThrow(/f is damaged/);
        },
      ),
    );
  });

  it("refuses a shift of one tensor, which leaves its size right", () => {
    fc.assert(
      fc.property(files, fc.nat(), fc.integer({ min: 1, max: 64 }), ({ entries, bytes }, pick, by) => {
        const names = Object.keys(entries);
        const entry = entries[names[pick % names.length] ?? ""];
        if (entry === undefined) return;
        fc.pre(entry.data_offsets[1] > entry.data_offsets[0]);
        entry.data_offsets = [entry.data_offsets[0] + by, entry.data_offsets[1] + by];
        expect(() => parseHeader(encode(entries), bytes, "f")).toThrow(/f is damaged/);
      }),
    );
  });

  it("refuses every file that is longer or shorter than its tensors", () => {
    fc.assert(
      fc.property(files, fc.integer({ min: -64, max: 64 }), ({ entries, bytes }, by) => {
        fc.pre(by !== 0 && bytes + by >= 0);
        expect(() => parseHeader(encode(entries), bytes + by, "f")).toThrow(/f is damaged/);
      }),
    );
  });

  it("refuses every truncated header", () => {
    fc.assert(
      fc.property(files, fc.nat(), ({ entries, bytes }, cut) => {
        const whole = encode(entries);
        expect(() => parseHeader(whole.subarray(0, cut % whole.length), bytes, "f")).toThrow(/its header is not JSON/);
      }),
    );
  });

  it.each<[string, string, RegExp]>([
    ["a list", "[]", /not a JSON object/],
    ["a tensor listed twice", '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":1}', /lists tensor a twice/],
    ["an entry without a dtype", '{"a":{"shape":[0],"data_offsets":[0,0]}}', /the entry of tensor a lacks/],
    ["a null entry", '{"a":null}', /the entry of tensor a lacks/],
    ["a negative shape", '{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}', /the entry of tensor a lacks/],
    ["a fractional offset", '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0.5]}}', /the entry of tensor a lacks/],
    ["three offsets", '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}}', /the entry of tensor a lacks/],
    ["an unknown dtype", '{"a":{"dtype":"F7","shape":[0],"data_offsets":[0,0]}}', /tensor a has the unknown dtype F7/],
    [
      "a dtype of JavaScript's",
      '{"a":{"dtype":"constructor","shape":[0],"data_offsets":[0,0]}}',
      /unknown dtype constr/,
    ],
    [
      "a shape beyond all bytes",
      '{"a":{"dtype":"U8","shape":[9e15,9e15],"data_offsets":[0,1]}}',
      /takes 8.1e\+31 bytes/,
    ],
  ])("refuses %s", (_title, header, message) => {
    expect(() => parseHeader(new TextEncoder().encode(header), 0, "f")).toThrow(message);
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parseHeader(Uint8Array.of(0x7b, 0xff, 0x7d), 0, "f")).toThrow(/not JSON/);
  });
});

describe("duplicateKey", () => {
  it("finds no repetition in what JSON.stringify writes", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        (value) => duplicateKey(JSON.stringify(value)) === undefined,
      ),
    );
  });

  it("finds a key that is repeated at the top, however it is escaped", () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), (key, a, b) => {
        const escaped = [...key]
          .map((c) =>
            c
              .split("")
              .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
              .join(""),
          )
          .join("");
        expect(
          duplicateKey(`{${JSON.stringify(key)}: ${JSON.stringify(a)}, "${escaped}" : ${JSON.stringify(b)}}`),
        ).toBe(key);
      }),
    );
  });
});
