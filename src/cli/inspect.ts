import { resolve } from "node:path";
import { UsageError } from "../experiment/errors.ts";
import { fileError } from "../experiment/files.node.ts";
import { formatBytes, formatNumber } from "../experiment/format.ts";
import type { ImportedModel } from "../onnx/import.ts";
import { type Inspection, inspectModel, type Layer } from "../onnx/inspect.ts";
import { openModel } from "../onnx/open.node.ts";
import type { DeclaredPort } from "../onnx/ports.ts";
import { harmless, paint, type TextStyle, textTable } from "../report/text.ts";
import { exitCodes } from "./exit-codes.ts";
import { type Io, styleOf } from "./io.ts";

/** `paperweight inspect model.onnx`. */
export async function inspect(
  io: Io,
  path: string,
  o: { readonly json?: boolean; readonly size?: readonly string[] },
): Promise<number> {
  const found = inspectModel(readModel(io, path), sizesOf(o.size ?? []));
  io.stdout.write(
    o.json === true ? `${JSON.stringify(found, null, 2)}\n` : inspectText(found, styleOf(io, io.stdout)),
  );
  return exitCodes.done;
}

/** The model in a file that the user named. */
export function readModel(io: Io, path: string): ImportedModel {
  try {
    return openModel(resolve(io.cwd, path));
  } catch (error) {
    throw (error as { code?: unknown }).code === undefined
      ? error
      : fileError("read", resolve(io.cwd, path), error);
  }
}

/** `--size name=number`, by name. */
export function sizesOf(given: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.lastIndexOf("=");
      const size = Number(text.slice(at + 1));
      if (at > 0 && Number.isInteger(size) && size > 0) return [text.slice(0, at), size];
      throw new UsageError(`--size ${text}: write a size's name and a whole number: --size sequence=128`);
    }),
  );
}

function inspectText(found: Inspection, style: TextStyle): string {
  const ports = (list: readonly DeclaredPort[]) =>
    list.map(
      (p) =>
        `  ${harmless(p.name)}  ${paint(style, "dim", `${p.type} ${p.shape === undefined ? "" : `[${p.shape.map((d) => d ?? "?").join(", ")}]`}`)}`,
    );
  const sections = [
    [paint(style, "bold", "Inputs"), ...ports(found.inputs)],
    [paint(style, "bold", "Outputs"), ...ports(found.outputs)],
    [paint(style, "bold", "Operators"), operatorTable(found, style)],
    ...(found.layers.length === 0 ? [] : [[paint(style, "bold", "Layers"), layerTable(found.layers, style)]]),
    totals(found, style),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

const gradients: Readonly<Record<string, string>> = {
  none: "no: its result has no derivative",
  unknown: "no: there is no rule for it",
};

function operatorTable({ operators }: Inspection, style: TextStyle): string {
  const columns = [{ title: "operator" }, { title: "count", align: "right" }, { title: "gradient" }] as const;
  const rows = operators.map((o) => [harmless(o.name), String(o.count), gradients[o.gradient] ?? o.gradient]);
  return textTable(columns, rows, style);
}

function layerTable(layers: readonly Layer[], style: TextStyle): string {
  const columns = [
    { title: "layer", flex: true },
    { title: "operator", ink: "dim" },
    { title: "parameters", align: "right" },
    { title: "size", align: "right" },
    { title: "FLOPs", align: "right" },
    { title: "trainable", most: 44 },
  ] as const;
  const rows = layers.map((l) => [
    harmless(l.name),
    harmless(l.operator),
    String(l.count),
    formatBytes(l.bytes),
    l.flops === undefined ? "" : counted(l.flops),
    trainableCell(l),
  ]);
  return textTable(columns, rows, style);
}

function trainableCell({ parameters }: Layer): string {
  const reasons = [...new Set(parameters.flatMap((p) => (p.reason === undefined ? [] : [p.reason])))].map(
    harmless,
  );
  const open = parameters.filter((p) => p.trainable).length;
  if (reasons.length === 0) return "yes";
  return `${open === 0 ? "no" : `${open} of ${parameters.length}`}: ${reasons.join("; ")}`;
}

function totals(found: Inspection, style: TextStyle): string[] {
  const { parameters, trainable, bytes, flops, problem } = found;
  const sizes = Object.entries(found.sizes).map(([name, size]) => `${harmless(name)} = ${size}`);
  return [
    `${parameters} parameters (${formatBytes(bytes)}), ${trainable} can be trained`,
    ...(flops === undefined
      ? []
      : [`${counted(flops)} FLOPs${sizes.length === 0 ? "" : ` for ${sizes.join(", ")}`}`]),
    ...(sizes.length === 0
      ? []
      : [paint(style, "dim", "the file leaves these sizes open: --size <name>=<number> counts for others")]),
    ...(problem === undefined
      ? []
      : [
          paint(
            style,
            "yellow",
            `the graph cannot be followed: ${harmless(problem)}; if the sizes were taken wrong: --size <name>=<number>`,
          ),
        ]),
  ];
}

/** `7.8 M`. */
export function counted(n: number): string {
  const [size, unit] = n >= 1e9 ? [1e9, " G"] : n >= 1e6 ? [1e6, " M"] : n >= 1e3 ? [1e3, " k"] : [1, ""];
  return `${formatNumber(n / size)}${unit}`;
}
