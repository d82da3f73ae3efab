import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { $ } from "zx";

const folder = ".venv";
/** Resolves and downloads several times faster than pip, which matters for torch and its libraries. */
const uv = "uv==0.13.9";
/** What these versions of vLLM run under; the tests' own Python may be older. */
const vllmPython = ">=3.11,<3.14";

/**
 * What is tested in which vLLM, each with its `test/python/vllm/requirements-<version>.txt`: everything in the newer one;
 * in the older what depends on the version most, since everything takes ten minutes.
 */
export const vllmTests = new Map([
  ["0.32", ["test/python/vllm"]],
  [
    "0.26",
    ["symbols", "registration", "truth", "load_format", "metrics"].map((name) => `test/python/vllm/test_${name}.py`),
  ],
]);

/** The genuine runtimes of TensorRT that load the plugin library, each with its `test/python/tensorrt/requirements-<version>.txt`. */
export const tensorRtVersions = ["10.16", "11.4"];

/**
 * Makes .venv from the pinned requirements when it is missing or of other requirements; instant otherwise.
 * The Python is `TURBOSPARSE_PYTHON` or `python3`, at least 3.10.
 * @returns {Promise<string>} the environment's folder
 */
export async function ensurePython() {
  const python = process.env.TURBOSPARSE_PYTHON ?? "python3";
  const version = await pythonVersion(python);
  return ensure(folder, "test/python/requirements.txt", version, async (requirements) => {
    const run = $({ stdio: ["ignore", "ignore", "inherit"] });
    await run`${python} -m venv ${folder}`;
    await run`${folder}/bin/python -m pip install --quiet --disable-pip-version-check ${uv}`;
    const fast = run`${folder}/bin/uv pip install --quiet --python ${folder}/bin/python --requirement ${requirements}`;
    // pip obeys settings of the machine that uv does not read, such as a certificate file or a mirror.
    if ((await fast.nothrow()).exitCode !== 0) {
      await run`${folder}/bin/python -m pip install --quiet --disable-pip-version-check --requirement ${requirements}`;
    }
  });
}

/**
 * Makes an environment with a real vLLM for the CPU, inside .venv, whose uv makes it.
 * @param {string} version one of `vllmTests`
 * @returns {Promise<string>} the environment's folder
 */
export async function ensureVllm(version) {
  const own = `${await ensurePython()}/vllm-${version}`;
  return ensure(own, `test/python/vllm/requirements-${version}.txt`, `Python ${vllmPython}`, async (requirements) => {
    const run = $({ stdio: ["ignore", "ignore", "inherit"] });
    await run`${folder}/bin/uv venv --quiet --no-python-downloads --python ${vllmPython} ${own}`;
    // The file lists all that is needed, whatever torch a package asks for.
    const install = ["--quiet", "--no-deps", "--requirement", requirements];
    await run`${folder}/bin/uv pip install --python ${own}/bin/python ${install}`;
  });
}

/**
 * Installs packages beside those of .venv, in a folder of their own: two versions of one package cannot be in one
 * environment.
 * @param {string} name of the folder
 * @param {string} requirements file
 * @param {readonly string[]} [options] more options of `uv pip install`, for another Python than that of .venv
 * @returns {Promise<string>} the folder, for PYTHONPATH
 */
export async function ensureBeside(name, requirements, options = []) {
  const own = `${await ensurePython()}/${name}`;
  return ensure(own, requirements, ["beside", ...options].join(" "), async () => {
    const install = ["--quiet", "--no-deps", "--target", own, "--requirement", requirements, ...options];
    await $({
      stdio: ["ignore", "ignore", "inherit"],
    })`${folder}/bin/uv pip install --python ${folder}/bin/python ${install}`;
  });
}

/** Calls `make` unless the folder is already of this Python and these requirements, as a stamp in it says. */
async function ensure(folder, requirements, python, make) {
  const stampFile = `${folder}/requirements.sha256`;
  const stamp = createHash("sha256")
    .update([python, uv, await readFile(requirements, "utf8")].join("\n"))
    .digest("hex");
  if ((await readFile(stampFile, "utf8").catch(() => "")) === stamp) return folder;

  process.stderr.write(`Installing ${requirements} into ${folder} (${python})\n`);
  const start = performance.now();
  await rm(folder, { recursive: true, force: true });
  await make(requirements);
  await writeFile(stampFile, stamp);
  process.stderr.write(`Installed in ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
  return folder;
}

async function pythonVersion(python) {
  const ask = "import sys; print(sys.version.split()[0]); sys.exit(sys.version_info < (3, 10))";
  const result = await $({ nothrow: true, quiet: true })`${python} -c ${ask}`;
  if (result.exitCode === 0) return `Python ${result.stdout.trim()}`;
  const found = result.stdout.trim() === "" ? "does not run" : `is ${result.stdout.trim()}`;
  throw new Error(`${python} ${found}; the tests need Python 3.10 or newer: set TURBOSPARSE_PYTHON to one.`);
}
