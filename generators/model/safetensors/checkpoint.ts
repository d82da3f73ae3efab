import { join } from "node:path";
import type { Env } from "../../io/env.ts";
import { modelError, reasonOf } from "../error.ts";
import { headerLength, lengthBytes, parseHeader, type TensorInfo } from "./header.ts";
import { readIndex } from "./shard-index.ts";

/** A tensor and the file that holds it, named as the user would find it. */
export interface CheckpointTensor extends TensorInfo {
  readonly file: string;
}

export type Checkpoint = ReadonlyMap<string, CheckpointTensor>;

const singleFile = "model.safetensors";
const indexFile = "model.safetensors.index.json";

/** Reads the headers of all safetensors files of a model folder, never the weights. `name` is the folder for errors. */
export async function readCheckpoint(env: Env, folder: string, name: string): Promise<Checkpoint> {
  const files = await env.fs.list(folder).catch((error: unknown) => {
    throw modelError("TS2101", `${name} cannot be listed (${reasonOf(error)}).`, "Check its permissions.", error);
  });
  if (files.includes(singleFile)) return readShards(env, folder, name, [singleFile]);
  if (files.includes(indexFile)) {
    const index = await readIndex(env, join(folder, indexFile), join(name, indexFile));
    const shards = [...new Set(index.values())].sort();
    const absent = shards.find((shard) => !files.includes(shard));
    if (absent !== undefined) {
      throw modelError(
        "TS2104",
        `${join(name, indexFile)} names ${absent}, which is not in the folder.`,
        "Finish the download of the checkpoint.",
      );
    }
    const checkpoint = await readShards(env, folder, name, shards);
    checkIndex(index, checkpoint, name);
    return checkpoint;
  }
  throw noCheckpoint(files, name);
}

async function readShards(env: Env, folder: string, name: string, shards: readonly string[]): Promise<Checkpoint> {
  const checkpoint = new Map<string, CheckpointTensor>();
  for (const shard of shards) {
    const file = join(name, shard);
    for (const [tensor, info] of await readShard(env, join(folder, shard), file)) {
      const other = checkpoint.get(tensor);
      if (other !== undefined) {
        throw modelError(
          "TS2105",
          `Tensor ${tensor} is in both ${other.file} and ${file}.`,
          "Keep one of the two files.",
        );
      }
      checkpoint.set(tensor, { ...info, file });
    }
  }
  return checkpoint;
}

async function readShard(env: Env, path: string, file: string): Promise<ReadonlyMap<string, TensorInfo>> {
  try {
    // Model caches keep the files behind symbolic links, whose own size says nothing.
    const real = await env.fs.realPath(path);
    const size = (await env.fs.stat(real))?.size ?? 0;
    const length = headerLength(await env.fs.readRange(real, 0, lengthBytes), size, file);
    return parseHeader(await env.fs.readRange(real, lengthBytes, length), size - lengthBytes - length, file);
  } catch (error) {
    if (error instanceof Error && "syscall" in error) {
      throw modelError(
        "TS2101",
        `${file} cannot be read (${reasonOf(error)}).`,
        "Check the link and its permissions.",
        error,
      );
    }
    throw error;
  }
}

function checkIndex(index: ReadonlyMap<string, string>, checkpoint: Checkpoint, name: string): void {
  for (const [tensor, shard] of index) {
    const file = checkpoint.get(tensor)?.file;
    if (file === join(name, shard)) continue;
    const found = file === undefined ? "it is not there" : `it is in ${file}`;
    throw modelError(
      "TS2106",
      `${join(name, indexFile)} places tensor ${tensor} in ${shard}, but ${found}.`,
      "Download the index and the shards of one revision.",
    );
  }
}

function noCheckpoint(files: readonly string[], name: string) {
  const shard = files.find((file) => file.endsWith(".safetensors"));
  if (shard !== undefined) {
    return modelError("TS2103", `${name} holds ${shard} but no ${indexFile}.`, "Download the index as well.");
  }
  const pickle = files.find((file) => /\.(bin|pt|pth)$/.test(file));
  if (pickle !== undefined) {
    return modelError(
      "TS2107",
      `${name} holds only pickle files such as ${pickle}, which are never opened because they can run code.`,
      "Convert the checkpoint to safetensors, for example with save_pretrained(..., safe_serialization=True).",
    );
  }
  return modelError("TS2108", `${name} holds no safetensors file.`, `Expected ${singleFile} or ${indexFile}.`);
}
