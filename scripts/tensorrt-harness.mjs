import { mkdir } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { $ } from "zx";
import { loadTs } from "./load-ts.mjs";

const { openStore } = await loadTs("../generators/compile/cache/store.ts");
const { installWheels } = await loadTs("../generators/compile/toolchain/install.ts");
const { cudaWheels } = await loadTs("../generators/compile/toolchain/pins.ts");
const { findTensorRtHeaders } = await loadTs("../generators/compile/toolchain/tensorrt.ts");
const { createEnv } = await loadTs("../generators/io/create-env.ts");

const sources = "test/python/tensorrt/harness";

/** The cache of the tests that compile, which keeps what they install and build between runs. */
const testCache = "node_modules/.cache/turbosparse-plugin";

/**
 * Builds what tests of the TensorRT and C++ engines run on: the bundles of a configuration, and the libraries that call
 * the plugins as TensorRT does. Uses the command line in lib/.
 * @param {{ config: string, engines: string, folder: string, cache?: string }} options
 * @returns {Promise<{ folder: string, cuda: string }>} absolute folders: what was built, and CUDA's
 */
export async function makeHarness({ config, engines, folder, cache = testCache }) {
  const real = createEnv();
  const env = { ...real, vars: { ...real.vars, TURBOSPARSE_CACHE: resolve(cache) } };
  const progress = { task: (_title, work) => work(() => {}), note: (text) => process.stderr.write(`${text}\n`) };
  const store = await openStore(env, progress.note);
  const cuda = join(await installWheels(env, store, cudaWheels, progress), "nvidia/cu13");
  const run = $({ stdio: ["ignore", "ignore", "inherit"], env: { ...env.vars, CUDA_HOME: cuda } });
  await mkdir(folder, { recursive: true });
  await run`${process.execPath} lib/main.mjs build --config ${config} --engine ${engines} --out ${folder}`;

  const { folder: headers } = await findTensorRtHeaders(env, store, progress);
  const compile = ["-std=c++17", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"];
  const include = ["-isystem", headers, "-isystem", join(cuda, "include")];
  for (const name of ["driver", "loggers"]) {
    await run`${env.vars.CXX || "g++"} ${compile} ${include} ${sources}/${name}.cc -o ${folder}/${name}.so`;
  }
  await store.close();
  return { folder: resolve(folder), cuda };
}

/** PYTHONPATH with these folders first. */
export const pythonPath = (...folders) =>
  [...folders.map((folder) => resolve(folder)), ...(process.env.PYTHONPATH ? [process.env.PYTHONPATH] : [])].join(
    delimiter,
  );
