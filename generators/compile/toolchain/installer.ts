import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import { findProgram } from "./program.ts";

/** A program that installs wheels into a folder: its path and the arguments before pip's own. */
export interface WheelInstaller {
  readonly file: string;
  readonly args: readonly string[];
  /** How the installer spells the platform that the wheels are for, whatever it runs on. */
  readonly platform: readonly string[];
}

/** pip of TURBOSPARSE_PYTHON or python3, else uv. */
export async function findInstaller(env: Env): Promise<WheelInstaller> {
  const name = env.vars.TURBOSPARSE_PYTHON || "python3";
  const python = await findProgram(env, name);
  if (python !== undefined && (await env.run(python, ["-m", "pip", "--version"])).exitCode === 0) {
    return { file: python, args: ["-m", "pip", "install", ...pipOptions], platform: pipPlatform };
  }
  const uv = await findProgram(env, "uv");
  if (uv !== undefined) return { file: uv, args: ["pip", "install", "--no-progress"], platform: uvPlatform };
  if (python === undefined) {
    throw new TurboSparseError({
      code: "TS4005",
      exit: "environment",
      message: `${name} was not found, and without nvcc it is needed to install the CUDA compiler from PyPI.`,
      hint: "Install Python 3.10 or newer with pip, name one with TURBOSPARSE_PYTHON, or set CUDA_HOME to CUDA 13.0.",
    });
  }
  throw new TurboSparseError({
    code: "TS4006",
    exit: "environment",
    message: `${python} has no pip, which is needed to install the CUDA compiler from PyPI, and there is no uv.`,
    hint: "Install pip (`python3 -m ensurepip` or your package manager) or uv, or name another Python with TURBOSPARSE_PYTHON.",
  });
}

const pipOptions = ["--quiet", "--no-input", "--no-compile", "--disable-pip-version-check", "--retries", "2"];
const pipPlatform = [
  ...["--implementation", "cp", "--python-version", "3.12"],
  ...["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"].flatMap((tag) => ["--platform", tag]),
];
const uvPlatform = ["--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_28"];
