import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failure } from "../../support/model-failure.ts";
import { layOut, writeModel, writeSafetensors, writeShardedModel } from "../../support/model-folder.ts";
import { configs, denseShapes, tiny } from "../../support/models.ts";

const bamboo = denseShapes(tiny, true);
const shard2 = "model-00002-of-00002.safetensors";

describe("a model folder that is not one", () => {
  it.each<[string, (folder: string) => Promise<void>, string, RegExp]>([
    ["does not exist", async () => {}, "TS2007", /no model folder m/],
    ["is a file", (folder) => writeFile(folder, ""), "TS2007", /m is not a folder/],
    ["has no config.json", async (folder) => void (await mkdir(folder)), "TS2002", /m\/config.json does not exist/],
    [
      "has config.json as a dangling link",
      async (folder) => {
        await mkdir(folder);
        await symlink("nowhere", join(folder, "config.json"));
      },
      "TS2002",
      /m\/config.json cannot be read/,
    ],
    [
      "has a broken config.json",
      async (folder) => {
        await mkdir(folder);
        await writeFile(join(folder, "config.json"), "{");
      },
      "TS2003",
      /m\/config.json is not JSON/,
    ],
    [
      "has a list as config.json",
      async (folder) => {
        await mkdir(folder);
        await writeFile(join(folder, "config.json"), "[]");
      },
      "TS2003",
      /not a JSON object/,
    ],
    [
      "holds pickle files only",
      async (folder) => {
        await writeModel(folder, configs.bamboo, bamboo);
        await rm(join(folder, "model.safetensors"));
        await writeFile(join(folder, "pytorch_model.bin"), "");
      },
      "TS2107",
      /pickle files such as pytorch_model.bin/,
    ],
    [
      "holds no weights",
      async (folder) => {
        await writeModel(folder, configs.bamboo, bamboo);
        await rm(join(folder, "model.safetensors"));
      },
      "TS2108",
      /m holds no safetensors file/,
    ],
    [
      "lacks the index of its shards",
      async (folder) => {
        await writeShardedModel(folder, configs.bamboo, bamboo);
        await rm(join(folder, "model.safetensors.index.json"));
      },
      "TS2103",
      /no model.safetensors.index.json/,
    ],
    [
      "lacks a shard",
      async (folder) => {
        await writeShardedModel(folder, configs.bamboo, bamboo);
        await rm(join(folder, shard2));
      },
      "TS2104",
      /names model-00002-of-00002.safetensors, which is not in the folder/,
    ],
    [
      "has a shard that is a dangling link",
      async (folder) => {
        await writeShardedModel(folder, configs.bamboo, bamboo);
        await rm(join(folder, shard2));
        await symlink("nowhere", join(folder, shard2));
      },
      "TS2101",
      /m\/model-00002-of-00002.safetensors cannot be read/,
    ],
    [
      "has a tensor of the index missing from its shard",
      async (folder) => {
        await writeShardedModel(folder, configs.bamboo, bamboo);
        await writeSafetensors(join(folder, shard2), {}, 0);
      },
      "TS2106",
      /places tensor model.layers.0.mlp.gate_proj.weight in model-00002-of-00002.safetensors, but it is not there/,
    ],
    [
      "has a tensor in two shards",
      async (folder) => {
        await writeShardedModel(folder, configs.bamboo, bamboo);
        const { entries, bytes } = layOut(bamboo);
        await writeSafetensors(join(folder, shard2), entries, bytes);
      },
      "TS2105",
      /Tensor model.embed_tokens.weight is in both/,
    ],
    [
      "has an index without weight_map",
      async (folder) => {
        await writeShardedModel(folder, configs.bamboo, bamboo);
        await writeFile(join(folder, "model.safetensors.index.json"), "{}");
      },
      "TS2109",
      /has no weight_map/,
    ],
    [
      "has an index that leads out of the folder",
      async (folder) => {
        await writeShardedModel(folder, configs.bamboo, bamboo);
        const index = { weight_map: { x: "../other.safetensors" } };
        await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
      },
      "TS2109",
      /tensor x is placed in "..\/other.safetensors"/,
    ],
    [
      "has a truncated checkpoint",
      async (folder) => {
        await writeModel(folder, configs.bamboo, bamboo);
        await truncate(join(folder, "model.safetensors"), 5);
      },
      "TS2102",
      /m\/model.safetensors is damaged: the file ends after 5 bytes/,
    ],
  ])("that %s", async (_title, write, code, message) => {
    expect(await failure(write)).toMatchObject({ code, exit: "usage", message: expect.stringMatching(message) });
  });
});
