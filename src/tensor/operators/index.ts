/** Importing this fills the operator table. */
export * from "./elementwise.ts";
export * from "./indexing.ts";
export * from "./linear.ts";
export * from "./movement.ts";
export * from "./reduce.ts";
