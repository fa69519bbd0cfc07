/** Watches how much memory this process takes. */

const SAMPLE_MS = 50;

/** Samples resident memory from now on; `stop` returns the most bytes it was above where it began. */
export function watchMemory(): { stop(): number } {
  const beganBytes = process.memoryUsage.rss();
  let mostBytes = beganBytes;
  const sample = () => {
    mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return mostBytes - beganBytes;
    },
  };
}
