/** TanStack AI with its OpenAI adapter, unmodified, against a running Clipyard; prints what each call gave. */

import { readFileSync } from 'node:fs';
import { generateVideo, getVideoJobStatus } from '@tanstack/ai';
import { createOpenaiVideo } from '@tanstack/ai-openai';

const { url, key, image } = JSON.parse(process.argv.at(-1));
const config = { baseURL: `${url}/openai/v1`, maxRetries: 0 };
const adapter = createOpenaiVideo('sora-2', key, config);
const CLIP = { adapter, size: '1280x720', duration: 4 };

async function followed(jobId) {
  const seen = [];
  for (;;) {
    const status = await getVideoJobStatus({ adapter, jobId });
    if (seen.at(-1) !== status.status) seen.push(status.status);
    if (status.status === 'completed' || status.status === 'failed') return { ...status, seen };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function fetched(link) {
  const answer = await fetch(link);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, type: answer.headers.get('content-type'), head: bytes.toString('latin1', 0, 12) };
}

async function refused(call) {
  try {
    return { answered: await call() };
  } catch ({ name, status, code, message }) {
    return { name, status, code, message };
  }
}

const value = readFileSync(image, 'base64');
const fromImage = [
  { type: 'text', content: 'tanstack with an image' },
  { type: 'image', source: { type: 'data', value, mimeType: 'image/png' } },
];
const job = await generateVideo({ ...CLIP, prompt: 'tanstack' });
const imageJob = await generateVideo({ ...CLIP, prompt: fromImage });
const ended = await followed(job.jobId);
const streamed = [];
for await (const { type, name } of generateVideo({ ...CLIP, prompt: 'streamed', stream: true, pollingInterval: 100 })) {
  streamed.push(name ?? type);
}
const stranger = createOpenaiVideo('sora-2', 'stranger', config);
const found = {
  job,
  ended,
  clip: await fetched(ended.url),
  imageEnded: await followed(imageJob.jobId),
  streamed,
  unknown: await getVideoJobStatus({ adapter, jobId: 'video_nobody' }),
  key: await refused(() => generateVideo({ ...CLIP, adapter: stranger, prompt: 'p', debug: false })),
};
console.log(JSON.stringify(found));
