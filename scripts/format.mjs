#!/usr/bin/env zx
import { $, glob } from "zx";
import { cxxSources } from "./checks/cxx-sources.mjs";
import { ensurePython } from "./python-env.mjs";

process.env.PATH = `node_modules/.bin:${process.env.PATH}`;
const run = $({ stdio: "inherit" });

await run`biome check --write`;
const python = await ensurePython();
await run`${python}/bin/ruff check --fix .`;
await run`${python}/bin/ruff format .`;
await run`clang-format -i ${await glob(cxxSources)}`;
