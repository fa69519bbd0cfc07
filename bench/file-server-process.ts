/** The process that serves one file over HTTP with nothing around it: Node's read stream to the socket. */

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const file = process.argv[2] ?? '';

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'video/mp4');
  response.setHeader('content-length', statSync(file).size);
  createReadStream(file).pipe(response);
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
});
// No parent is left to ask.
process.on('disconnect', () => process.exit());
