/** The hand-written C++ and CUDA sources; generated ones are formatted when they are rendered. */
export const cxxSources = ["kernels/**/*.{cu,cuh,cc,h}", "bundles/**/*.cc", "test/python/tensorrt/harness/*.cc"];
