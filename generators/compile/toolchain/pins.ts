import { sha256 } from "../digest.ts";

/** A set of wheels that is installed together into one cache entry. */
export interface WheelSet {
  readonly name: string;
  readonly version: string;
  readonly wheels: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
}

/** The CUDA compiler without the rest of the toolkit: about 270 MB. */
export const cudaWheels: WheelSet = {
  name: "nvcc",
  version: "13.0.88",
  wheels: [
    {
      name: "nvidia-cuda-nvcc",
      version: "13.0.88",
      sha256: "56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03",
    },
    {
      name: "nvidia-nvvm",
      version: "13.0.88",
      sha256: "c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0",
    },
    {
      name: "nvidia-cuda-crt",
      version: "13.0.88",
      sha256: "2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4",
    },
    {
      name: "nvidia-cuda-runtime",
      version: "13.0.96",
      sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    },
    {
      name: "nvidia-cuda-cccl",
      version: "13.0.85",
      sha256: "e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649",
    },
  ],
};

/** Headers and the link-time library of the oldest release a wheel runs under: newer ones load what it built. */
export const tvmFfiWheels: WheelSet = {
  name: "tvm-ffi",
  version: "0.1.9",
  wheels: [
    {
      name: "apache-tvm-ffi",
      version: "0.1.9",
      sha256: "f45eb43499acac45ff6c93564f0ff2d3ca27b69656d540fd56ce59d51c0b4c65",
    },
  ],
};

/** The crate of the Rust registry that carries TensorRT's headers, which are under the Apache license. */
export const tensorRtCrate = {
  name: "trtx-sys",
  version: "0.9.1",
  /** Their folder in the crate. */
  include: "TensorRT-Headers/TRT-Enterprise-11.4",
  /** Of TensorRT. */
  tensorRtVersion: "11.4.0",
  /** Over the lines `<sha256 of the file>  <name>` of all NvInfer*.h, sorted by name. */
  sha256: "9d2b8a9bfe821c630b448e2b028a02076fea59818c45e74ac99033ad63267f17",
} as const;

/** A requirements file that accepts these very files only. */
export function requirements(set: WheelSet): string {
  return set.wheels.map((wheel) => `${wheel.name}==${wheel.version} --hash=sha256:${wheel.sha256}\n`).join("");
}

/** Key of the set's cache entry. */
export function wheelSetKey(set: WheelSet): string {
  return `${set.name}-${set.version}-${sha256(requirements(set)).slice(0, 12)}`;
}
