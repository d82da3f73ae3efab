import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type Shapes = Readonly<Record<string, readonly number[]>>;

export const bytesOf: Readonly<Record<string, number>> = { BF16: 2, F16: 2, F32: 4, I8: 1 };

/** The header entries of tensors laid out one after another, and the bytes that they take. */
export function layOut(shapes: Shapes, dtype = "BF16") {
  const entries: Record<string, { dtype: string; shape: readonly number[]; data_offsets: [number, number] }> = {};
  let end = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const begin = end;
    end += shape.reduce((product, length) => product * length, bytesOf[dtype] ?? 0);
    entries[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  return { entries, bytes: end };
}

/** A safetensors file whose data is a hole: full-size models take no room. */
export async function writeSafetensors(path: string, header: string | object, dataBytes: number): Promise<void> {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = await open(path, "w");
  await file.write(Buffer.concat([length, json]));
  await file.truncate(8 + json.length + dataBytes);
  await file.close();
}

export async function writeModel(folder: string, config: object, shapes: Shapes, dtype = "BF16"): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const { entries, bytes } = layOut(shapes, dtype);
  await writeSafetensors(join(folder, "model.safetensors"), { __metadata__: { format: "pt" }, ...entries }, bytes);
}

/** Splits the tensors alternately over two shards, with their index. */
export async function writeShardedModel(folder: string, config: object, shapes: Shapes): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const map: Record<string, string> = {};
  for (const half of [0, 1]) {
    const shard = `model-0000${half + 1}-of-00002.safetensors`;
    const part = Object.fromEntries(Object.entries(shapes).filter((_, index) => index % 2 === half));
    const { entries, bytes } = layOut(part);
    await writeSafetensors(join(folder, shard), entries, bytes);
    for (const name of Object.keys(part)) map[name] = shard;
  }
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: map }));
}
