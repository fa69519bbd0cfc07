/** Reads of a connection that lend their bytes: two buffers are filled in turns, where a socket makes a new one each time. */

import type { Socket } from 'node:net';

/** The larger, the fewer turns a download takes. */
const BUFFER_BYTES = 512 * 1024;

/**
 * New memory for each read costs a download more than everything else that is done with its bytes. Of one connection, for
 * an HTTP client that reads when `readable` says so; the bytes it gets are good until it asks for the next.
 */
export class LentReads {
  /** Read, and not yet taken by the client: while there are any, the connection is left alone. */
  readonly #unread: Buffer[] = [];
  #socket: Socket | null = null;
  #isLending = false;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #other = Buffer.allocUnsafeSlow(BUFFER_BYTES);

  /** To be connected with: where the socket reads into. */
  readonly onread = {
    buffer: (): Uint8Array => this.#nextBuffer(),
    callback: (sizeBytes: number, buffer: Uint8Array): boolean => this.#take(Buffer.from(buffer.buffer, 0, sizeBytes)),
  };

  /** Has the connected socket hand out what is read. */
  attach(socket: Socket): void {
    this.#socket = socket;
    const readOwn = socket.read.bind(socket);
    socket.read = (sizeBytes?: number): unknown => {
      // Its own read has nothing to give, but sets the connection going again and ends it after the last byte.
      if (this.#unread.length === 0) return readOwn(sizeBytes);
      return sizeBytes === 0 ? null : this.#unread.shift();
    };
    socket.unshift = (rest: Buffer): void => {
      if (rest.length > 0) this.#unread.unshift(rest);
    };
  }

  /** Lends from now on. What came before was copied: the client keeps an answer's headers until it has all of them. */
  lend(): void {
    this.#isLending = true;
  }

  #take(bytes: Buffer): boolean {
    this.#unread.push(this.#isLending ? bytes : Buffer.from(bytes));
    this.#socket?.emit('readable');
    return this.#unread.length === 0;
  }

  /** Never one that holds unread bytes: behind TLS some come although nothing more was to be read. */
  #nextBuffer(): Buffer {
    if (this.#unread.length === 1) [this.#buffer, this.#other] = [this.#other, this.#buffer];
    if (this.#unread.length > 1) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    return this.#buffer;
  }
}
