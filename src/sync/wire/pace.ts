/** From so many bytes a second on the compressor is what holds things up, rather than the link. */
const fast = 32 * 1024 * 1024
/** Before so many bytes have gone nothing is known. */
const enough = 4 * 1024 * 1024
/** What was long ago counts less with each so many bytes. */
const span = 16 * 1024 * 1024

/** How quickly a stream takes what is written to it: the time counts that it was waited for. */
export class Pace {
  #bytes = 0
  #milliseconds = 0

  note(bytes: number, milliseconds: number): void {
    this.#bytes += bytes
    this.#milliseconds += milliseconds
    if (this.#bytes < span) return
    this.#bytes /= 2
    this.#milliseconds /= 2
  }

  get isFast(): boolean {
    return this.#bytes >= enough && this.#bytes * 1000 >= fast * this.#milliseconds
  }
}
