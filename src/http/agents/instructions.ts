/** `/llms.txt`: what an agent has to know to use the HTTP API right, before it reads the whole of its description. */

/** Markdown of one page; `url` is where the gateway is reached. */
export function renderInstructions(url: string): string {
  return `# Clipyard

> A gateway that makes AI videos at ${url}. One create makes one clip; it takes minutes, costs money, and goes on by itself
> when the connection is lost. The clip is kept as an MP4 behind a signed link.

Every request but those of links carries \`Authorization: Bearer KEY\`. Amounts are whole micro-dollars: 1,000,000 are one US
dollar. Ask the user for the key, and before money is spent that they have not spoken of.

## Making a clip

1. \`GET /clipyard/v1/models\` names the models: lengths, formats, the price of a second, how long clips took lately.
2. \`POST /clipyard/v1/estimates\` with \`{"model","durationSeconds"}\` says what a clip would cost. Nothing is made.
3. \`POST /airforce/v1/video/generations\` makes it, once. Choose a key for the order and send it as \`Idempotency-Key\`:

   \`\`\`bash
   curl ${url}/airforce/v1/video/generations -H "Authorization: Bearer $CLIPYARD_API_KEY" \\
     -H 'Idempotency-Key: fox-at-dawn-1' -H 'Content-Type: application/json' \\
     -d '{"model": "MODEL", "prompt": "A red fox runs over snowy hills at dawn.", "duration_seconds": 5, "aspect_ratio": "16:9"}'
   \`\`\`

   The answer's \`task_id\` is the video's id everywhere. If no answer comes, send the same bytes with the same key: that is
   the same clip, paid once. Another key, or none, is another clip.
4. Wait as you are told: \`GET /airforce/v1/video/tasks/{id}\` says in \`Retry-After\` when to ask again, and
   \`GET /clipyard/v1/videos/{id}/events\` streams each change until the end. \`callback_url\` in the create is told of it.
   Never create again because it takes long.
5. \`GET /clipyard/v1/videos/{id}\` tells everything: \`state\` (completed, failed, cancelled and expired are ends), \`cost\`,
   \`failure\`, and \`archive.url\`, the link to the clip. It works without a key until \`expiresAt\`; then the clip is gone, so
   download what is to be kept.

## Many clips, and what else there is

- \`POST /clipyard/v1/batches\` takes a create a line as \`application/jsonl\`; \`?dryRun=true\` checks and prices them all.
- \`POST /clipyard/v1/videos/{id}/cancel\` ends a video; one that its upstream cannot stop is charged if it completes.
- \`POST /clipyard/v1/videos/{id}/again\` makes it again with what the body changes: a new clip with a price of its own.
- \`GET /clipyard/v1/balance\` says what may still be spent.

## What refusals mean

- 400, 402, 403, 404 and 422 stay as they are: change the request, or tell the user.
- 408, 429 and 5xx pass: wait for \`Retry-After\`, then send the same request, a create with the same key.
- A video that ended as \`failed\` or \`expired\` cost nothing; \`failure.message\` says why.

## More

- [MCP](${url}/mcp): the same as tools, with the same key, by \`POST\`
- [OpenAPI](${url}/openapi.json): all routes in full
- [Documentation](${url}/docs): the same for people
`;
}
