import { type Chart, chartTheme } from "./charts.ts";

/**
 * A chart as a standalone SVG document in the common theme. Expressions are interpreted, never evaluated, so it works under
 * a strict content security policy; data must be inline, nothing is loaded.
 */
export async function chartToSvg(chart: Chart): Promise<string> {
  const [vega, { compile }, { expressionInterpreter }] = await Promise.all([
    import("vega"),
    import("vega-lite"),
    import("vega-interpreter"),
  ]);
  const problems: string[] = [];
  const note = (...args: readonly unknown[]): void => void problems.push(args.map(String).join(" "));
  const logger = vega.logger(vega.Warn);
  logger.warn = logger.error = (...args) => {
    note(...args);
    return logger;
  };
  const spec = { ...chart.spec, config: chartTheme } as unknown as Parameters<typeof compile>[0];
  let view: InstanceType<typeof vega.View> | undefined;
  try {
    const loader = vega.loader();
    loader.load = async (uri) => {
      throw new Error(`it loads ${uri}: put the data inline`);
    };
    const runtime = vega.parse(compile(spec, { logger }).spec, undefined, { ast: true });
    view = new vega.View(runtime, { renderer: "none", expr: expressionInterpreter, logger, loader } as never);
    const svg = await view.toSVG();
    if (problems.length > 0) throw new Error(problems.join("; "));
    return svg;
  } catch (error) {
    throw new Error(
      `chart ${JSON.stringify(chart.title)}: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    view?.finalize();
  }
}
