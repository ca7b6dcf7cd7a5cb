/** The part of MLflow's REST interface, version 2.0, that a training needs. */
export interface MlflowAnswers {
  "experiments/get-by-name": { readonly experiment: { readonly experiment_id: string } };
  "experiments/create": { readonly experiment_id: string };
  "runs/create": Run;
  "runs/get": Run;
  "runs/update": unknown;
  "runs/log-batch": unknown;
}

interface Run {
  readonly run: {
    readonly info: { readonly run_id: string };
    readonly data?: { readonly metrics?: readonly { readonly step?: number | string }[] };
  };
}

/** A call with a body, or a look-up by a query. Errors have the server's code as `code`. */
export type MlflowCall = <K extends keyof MlflowAnswers>(
  what: K,
  body?: Readonly<Record<string, unknown>>,
  query?: Readonly<Record<string, string>>,
) => Promise<MlflowAnswers[K]>;

const TIMEOUT_MS = 5000;

export function mlflowClient(uri: string, env: Readonly<Record<string, string | undefined>>): MlflowCall {
  const base = `${uri.replace(/\/+$/, "")}/api/2.0/mlflow/`;
  const headers = { "content-type": "application/json", ...authorization(env) };
  return async (what, body, query) => {
    const url = `${base}${what}${query === undefined ? "" : `?${new URLSearchParams(query)}`}`;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const request =
      body === undefined
        ? { headers, signal }
        : { method: "POST", headers, signal, body: JSON.stringify(body) };
    const response = await fetch(url, request).catch((error: unknown) => {
      throw new Error(`it does not answer (${reasonOf(error)})`, { cause: error });
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw refusal(what, response.status, answer as Refusal);
    return answer as never;
  };
}

interface Refusal {
  readonly error_code?: string;
  readonly message?: string;
}

function refusal(what: string, status: number, { error_code, message }: Refusal): Error {
  const reason = [error_code, message?.split("\n")[0]].filter((s) => s !== undefined).join(": ");
  const error = new Error(`${what} was refused with ${status}${reason === "" ? "" : ` (${reason})`}`);
  return Object.assign(error, { code: error_code });
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string }; message?: string };
  return cause?.code ?? message ?? String(error);
}

function authorization(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user } = env;
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (user === undefined) return {};
  const bytes = new TextEncoder().encode(`${user}:${env.MLFLOW_TRACKING_PASSWORD ?? ""}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}
