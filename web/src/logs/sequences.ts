/** Rising line numbers, compactly: a search may find a million. */
export class Sequences {
  private numbers = new Uint32Array(1024);
  length = 0;

  /** Add `first + index` for each index. */
  add(first: number, indices: Uint32Array): void {
    const length = this.length + indices.length;
    if (length > this.numbers.length) {
      const larger = new Uint32Array(Math.max(length, this.numbers.length * 2));
      larger.set(this.numbers.subarray(0, this.length));
      this.numbers = larger;
    }
    for (let at = 0; at < indices.length; at += 1) this.numbers[this.length + at] = first + indices[at]!;
    this.length = length;
  }

  at(index: number): number {
    return this.numbers[index]!;
  }

  /** The index of the first number that is at least `sequence`; `length` if there is none. */
  indexOf(sequence: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.numbers[middle]! < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(sequence: number): boolean {
    const at = this.indexOf(sequence);
    return at < this.length && this.numbers[at] === sequence;
  }
}
