// power_disk.mjs - a small disk in a file, whose power can be cut: what no fsync has asked for is then gone.
//
// EXT4_IOC_SHUTDOWN without a flush of the journal is what a cut looks like to a file system; whoever still writes
// gets EIO. It needs root, a loop device and ext4.
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const IMAGE_BYTES = 96 << 20;
const EXT4_IOC_SHUTDOWN = 0x8004587d; // _IOR('X', 125, __u32)
const NO_LOG_FLUSH = 2;

export class Disk {
  // Rejects where mounting is not possible.
  static async make(dir) {
    const disk = new Disk();
    disk.image = path.join(dir, 'disk.img');
    disk.at = path.join(dir, 'disk');
    await mkdir(disk.at);
    await writeFile(disk.image, '');
    await truncate(disk.image, IMAGE_BYTES);
    await run('mkfs.ext4', ['-q', '-F', '-m', '0', disk.image]);
    await disk.mount();
    process.on('exit', disk.last = () => disk.detach());
    return disk;
  }

  async mount() {
    await run('mount', ['-t', 'ext4', '-o', 'loop', this.image, this.at]);
    this.mounted = true;
  }

  // Who writes to it must stand still by now.
  async cut() {
    await run('perl', ['-e', 'open(my $disk, "<", $ARGV[0]) or die $!; my $how = pack("L", $ARGV[2]); defined(ioctl($disk, $ARGV[1], $how)) or die "EXT4_IOC_SHUTDOWN: $!\n"', this.at, String(EXT4_IOC_SHUTDOWN), String(NO_LOG_FLUSH)]);
  }

  // The power is back: nobody holds a file of the disk any more, and its journal is replayed.
  async comeBack() {
    await run('umount', [this.at]);
    this.mounted = false;
    await this.mount();
  }

  // Whatever happened before, nothing stays mounted; the loop device goes with the mount.
  detach() {
    if (!this.mounted) return;
    this.mounted = false;
    try {
      execFileSync('umount', ['-l', this.at], { stdio: 'ignore' });
    } catch {
      console.log(`${this.at} could not be unmounted; try: umount -l ${this.at}`);
    }
    process.off('exit', this.last);
  }
}
