import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fit, memoryCheckpoint, mlflow } from "./index.ts";

interface Metric {
  readonly key: string;
  readonly value: number | string;
  readonly step: number;
  readonly timestamp: number;
}

type Body = Readonly<Record<string, unknown>>;

/** As much of an MLflow server as the interface describes: experiments and runs in memory. */
class FakeServer {
  readonly experiments = new Map<string, string>();
  readonly runs: {
    id: string;
    metrics: Metric[];
    params: Record<string, string>;
    [name: string]: unknown;
  }[] = [];
  readonly calls: string[] = [];
  authorization: string | undefined;
  private server: Server | undefined;
  port = 0;

  async open(port = 0): Promise<void> {
    const server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      const url = new URL(request.url!, "http://localhost");
      const what = url.pathname.replace("/api/2.0/mlflow/", "");
      this.calls.push(`${request.method} ${what}`);
      this.authorization = request.headers.authorization;
      const body =
        request.method === "POST" ? (JSON.parse(text) as Body) : Object.fromEntries(url.searchParams);
      const [status, answer] = this.answer(what, body);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  get uri(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => (this.server === undefined ? resolve(0) : this.server.close(resolve)));
    this.server = undefined;
  }

  private answer(what: string, body: Body): [number, unknown] {
    const run = this.runs.find((r) => r.id === body.run_id);
    switch (what) {
      case "experiments/get-by-name": {
        const id = this.experiments.get(body.experiment_name as string);
        if (id !== undefined) return [200, { experiment: { experiment_id: id } }];
        return [404, { error_code: "RESOURCE_DOES_NOT_EXIST", message: "no such experiment" }];
      }
      case "experiments/create":
        this.experiments.set(body.name as string, `e${this.experiments.size}`);
        return [200, { experiment_id: this.experiments.get(body.name as string) }];
      case "runs/create":
        this.runs.push({ ...body, id: `r${this.runs.length}`, metrics: [], params: {}, status: "RUNNING" });
        return [200, { run: { info: { run_id: this.runs.at(-1)!.id } } }];
      case "runs/get":
        return [200, { run: { info: { run_id: run!.id }, data: { metrics: run!.metrics } } }];
      case "runs/update":
        Object.assign(run!, body);
        return [200, {}];
      case "runs/log-batch": {
        const { metrics = [], params = [] } = body as {
          metrics?: Metric[];
          params?: { key: string; value: string }[];
        };
        if (metrics.length > 1000 || params.length > 100)
          return [400, { error_code: "INVALID_PARAMETER_VALUE", message: "too many" }];
        run!.metrics.push(...metrics);
        for (const { key, value } of params) run!.params[key] = value;
        return [200, {}];
      }
    }
    return [404, {}];
  }
}

const server = new FakeServer();
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  server.runs.length = 0;
  server.calls.length = 0;
  server.experiments.clear();
});

const training = {
  params: { w: NDArray.from([0]) },
  data: { t: NDArray.from([1]) },
  loss: (p: { w: Tensor }) => ({ fall: p.w.sum() }),
  optimizer: optim.sgd({ learningRate: 1 }),
  evaluate: (p: { w: NDArray }) => ({ w: p.w.item() }),
  evalEvery: 1,
};

const figures = (metrics: readonly Metric[]) => metrics.map((m) => [m.step, m.key, m.value]);
const steps = (run: number) => server.runs[run]!.metrics.filter((m) => m.key === "loss").map((m) => m.step);

describe("mlflow", () => {
  it("is absent where no server is named, and takes http addresses only", () => {
    vi.stubEnv("MLFLOW_TRACKING_URI", "");
    expect(mlflow()).toBeUndefined();
    expect(() => mlflow({ uri: "file:///runs" })).toThrow(
      'the tracking URI is "file:///runs": use the http://',
    );
  });

  it("makes experiment and run, and sends every record", async () => {
    await server.open();
    vi.stubEnv("MLFLOW_TRACKING_URI", server.uri);
    const log = [mlflow({ experiment: "walks", run: "first", params: { rate: 1, name: "sgd" } })];
    await fit({ ...training, steps: 2, log });
    expect([...server.experiments]).toEqual([["walks", "e0"]]);
    const [run] = server.runs;
    expect(run).toMatchObject({ experiment_id: "e0", run_name: "first", status: "FINISHED" });
    expect(run!.params).toEqual({ rate: "1", name: "sgd" });
    expect(figures(run!.metrics)).toEqual([
      [1, "loss", 0],
      [1, "loss/fall", 0],
      [1, "eval/w", -1],
      [2, "loss", -1],
      [2, "loss/fall", -1],
      [2, "eval/w", -2],
    ]);
    expect(run!.end_time).toBeGreaterThanOrEqual(run!.metrics[0]!.timestamp);
    await fit({ ...training, steps: 1, log: [mlflow({ experiment: "walks" })] });
    expect([server.experiments.size, server.runs.length]).toEqual([1, 2]);
  });

  it("sends at most a thousand figures at once, and few calls for many records", async () => {
    await server.open();
    await fit({ ...training, steps: 800, log: [mlflow({ uri: server.uri })] });
    expect(server.runs[0]!.metrics.length).toBe(2400);
    expect(steps(0)).toEqual(Array.from({ length: 800 }, (_, i) => i + 1));
    expect(server.calls.filter((c) => c.endsWith("log-batch")).length).toBeLessThan(9);
    expect([...server.experiments.keys()]).toEqual(["Default"]);
  });

  it("what is no number is sent as text; names and passwords as the standard says", async () => {
    await server.open();
    vi.stubEnv("MLFLOW_TRACKING_USERNAME", "ada");
    vi.stubEnv("MLFLOW_TRACKING_PASSWORD", "x:y");
    const log = mlflow({ uri: server.uri })!;
    log.log(1, { a: Number.NaN, b: Number.NEGATIVE_INFINITY });
    await log.close("failed");
    expect(figures(server.runs[0]!.metrics)).toEqual([
      [1, "a", "NaN"],
      [1, "b", "-Infinity"],
    ]);
    expect(server.runs[0]!.status).toBe("FAILED");
    expect(server.authorization).toBe(`Basic ${Buffer.from("ada:x:y").toString("base64")}`);
  });

  it("a resumed training makes a new run with all records, or goes on with the run that is named", async () => {
    await server.open();
    const checkpoint = memoryCheckpoint();
    const go = (until: number, runId?: string) =>
      fit({ ...training, steps: until, checkpoint, log: [mlflow({ uri: server.uri, runId })] });
    await go(2);
    await go(4);
    expect([steps(0), steps(1)]).toEqual([
      [1, 2],
      [1, 2, 3, 4],
    ]);
    await go(5, "r0");
    expect([steps(0), server.runs.length]).toEqual([[1, 2, 3, 4, 5], 2]);
    expect(server.runs[0]!.status).toBe("FINISHED");
  });

  it("that is down is told of once, and the training goes on to the same result", async () => {
    await server.open();
    const uri = server.uri;
    await server.close();
    const warnings: string[] = [];
    const log = [mlflow({ uri, warn: (line) => warnings.push(line) })];
    const result = await fit({ ...training, steps: 900, log });
    expect(result).toEqual(await fit({ ...training, steps: 900 }));
    expect(warnings).toEqual([
      `mlflow: ${uri}: it does not answer (ECONNREFUSED); the training goes on, and what is not sent will be tried again`,
    ]);
  });

  it("that comes back is sent all that it missed", async () => {
    await server.open();
    const uri = server.uri;
    await server.close();
    const warnings: string[] = [];
    const log = mlflow({ uri, warn: (line) => warnings.push(line) })!;
    log.start!(0, []);
    log.log(1, { loss: 3 });
    await vi.waitFor(() => expect(warnings.length).toBe(1));
    await server.open(server.port);
    log.log(2, { loss: 2 });
    await log.close("aborted");
    expect([steps(0), server.runs[0]!.status, warnings.length]).toEqual([[1, 2], "KILLED", 1]);
  });

  it("that refuses is told of with its reason", async () => {
    await server.open();
    const warnings: string[] = [];
    const params = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`p${i}`, i]));
    const log = mlflow({ uri: server.uri, params })!;
    await log.close("done");
    expect(Object.keys(server.runs[0]!.params).length).toBe(150);
    const wrong = mlflow({ uri: `${server.uri}elsewhere`, warn: (line) => warnings.push(line) })!;
    await wrong.close("done");
    expect(warnings[0]).toContain("/elsewhere: experiments/get-by-name was refused with 404;");
  });
});
