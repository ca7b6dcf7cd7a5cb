/** Every line of the tables: a new operator is checked by adding one to them. */
import type { GradientCase } from "../gradient-check.ts";
import { composites } from "./composites.ts";
import { elementwise } from "./elementwise.ts";
import { imported } from "./imported.ts";
import { indexing } from "./indexing.ts";
import { linear } from "./linear.ts";
import { movement } from "./movement.ts";
import { normalisation } from "./normalisation.ts";
import { reductions } from "./reductions.ts";
import { spatial } from "./spatial.ts";

export const gradientCases: readonly GradientCase[] = [
  ...elementwise,
  ...reductions,
  ...movement,
  ...indexing,
  ...linear,
  ...spatial,
  ...normalisation,
  ...imported,
  ...composites,
];
