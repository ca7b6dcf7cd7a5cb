/** What training needs files for, under Node: checkpoints, metrics, TensorBoard. */
export { fileCheckpoint } from "./checkpoint.node.ts";
export { metricsFile } from "./metrics-file.node.ts";
export { tensorboard } from "./tensorboard.node.ts";
