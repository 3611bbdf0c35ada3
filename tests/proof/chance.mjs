// chance.mjs - chance that can be repeated: the same seed gives the same choices.

// A 32-bit number from several, by FNV-1a over their decimal digits.
export function mix(...numbers) {
  let hash = 0x811c9dc5;
  for (const char of numbers.join('/')) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return hash;
}

// xorshift32, whose one bad state is 0.
export class Chance {
  constructor(seed) {
    this.state = mix(seed) || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  next() {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state / 4294967296;
  }

  below(limit) {
    return Math.floor(this.next() * limit);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  one(share) {
    return this.next() < share;
  }
}
