/** The AI SDK, unmodified, while every clip fails: what it throws, and that it has none made again. */

import { createGateway } from '@ai-sdk/gateway';
import { experimental_generateVideo } from 'ai';

const { url, key } = JSON.parse(process.argv.at(-1));
const model = createGateway({ baseURL: `${url}/v4/ai`, apiKey: key }).video('sandbox-mini');

async function thrown(options) {
  try {
    await experimental_generateVideo({ model, prompt: 'doomed', duration: 1, ...options });
    return null;
  } catch ({ name, statusCode, isRetryable, message }) {
    return { name, statusCode, isRetryable, message };
  }
}

console.log(JSON.stringify({ long: await thrown({}), polled: await thrown({ poll: { intervalMs: 100 } }) }));
