/** What Temporal's core counts of workers and calls, as it serves it to its own process. */

/** The port of 127.0.0.1 at which Temporal's core serves what it counts of workers and calls. */
export interface CoreMetricsPort {
  readonly port: number;
}

const READ_MS = 2_000;

/** What it has counted, in Prometheus' text format. */
export async function readCoreMetrics({ port }: CoreMetricsPort): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(READ_MS) });
  if (!answer.ok) throw new Error(`Temporal's core answered ${answer.status}`);
  return await answer.text();
}
