// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Which file systems may not answer, in tables of mounts as the kernel writes them. */
class MountsTest {
    private static final Mounts MACHINE = new Mounts("""
            22 27 0:21 / /proc rw,relatime - proc proc rw
            27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
            30 27 0:40 / /home/ann/far rw,nosuid - fuse.sshfs ann@host:/ rw,user_id=0
            31 27 0:41 / /mnt/two\\040words rw - fuse x rw
            32 27 0:42 / /srv/nfs rw - nfs4 host:/srv rw,vers=4.2
            33 27 8:17 / /media/disk rw - fuseblk /dev/sdb1 rw
            34 27 0:43 / /odd rw - newfs none rw
            35 34 0:44 / /odd/local rw - tmpfs none rw
            36 27 0:45 / /covered rw - fuse.x none rw
            37 36 0:46 / /covered rw - tmpfs none rw
            this is no line
            """);

    @Test
    void aPathIsJudgedByTheMountThatItLiesOn() {
        assertThat(MACHINE.mayHang("/usr/lib/libc.so.6")).isEmpty();
        assertThat(MACHINE.mayHang("/home/ann/far/lib.so")).contains("fuse.sshfs");
        assertThat(MACHINE.mayHang("/home/ann/far")).contains("fuse.sshfs");
        assertThat(MACHINE.mayHang("/home/ann/farther/lib.so")).isEmpty();
        assertThat(MACHINE.mayHang("/mnt/two words/f")).contains("fuse");
        // Who waits there can be ended.
        assertThat(MACHINE.mayHang("/srv/nfs/bin/ruby")).isEmpty();
        assertThat(MACHINE.mayHang("/media/disk/f")).contains("fuseblk");
        assertThat(MACHINE.mayHang("/odd/f")).contains("newfs");
        assertThat(MACHINE.mayHang("/odd/local/f")).isEmpty();
        assertThat(MACHINE.mayHang("/covered/f")).isEmpty();
        assertThat(new Mounts("").mayHang("/f")).isEmpty();
    }

    /** What was mapped may be covered or unmounted by now; the device tells. */
    @Test
    void aMappedFileIsJudgedByItsDevice() {
        Mounts none = new Mounts("");
        assertThat(MACHINE.mayHang("/usr/lib/libc.so.6", Mounts.device(254, 0), none))
                .isEmpty();
        assertThat(MACHINE.mayHang("/covered/f", Mounts.device(0, 45), none)).contains("fuse.x");
        assertThat(MACHINE.mayHang("/media/disk/f", Mounts.device(8, 17), none)).contains("fuseblk");
        assertThat(MACHINE.mayHang("/f", Mounts.device(0, 99), none)).contains("unknown");
        assertThat(MACHINE.mayHang("/disk/f", Mounts.device(8, 33), none)).isEmpty();
        assertThat(MACHINE.mayHang("/memfd:x (deleted)", Mounts.device(0, 1), none))
                .isEmpty();
        assertThat(MACHINE.mayHang("/dev/zero (deleted)", Mounts.device(0, 1), none))
                .isEmpty();
        assertThat(none.mayHang("/f", Mounts.device(0, 40), MACHINE)).contains("fuse.sshfs");
        assertThat(none.mayHang("/f", -1, none)).isEmpty();
    }

    /** All of a process waits for what its root is on. */
    @Test
    void theRootIsTrusted() {
        Mounts container = new Mounts("""
                1 0 0:50 / / rw - fuse.fuse-overlayfs none rw
                2 1 0:51 / /data rw - fuse.s3 none rw
                """);
        assertThat(container.mayHang("/usr/lib/libc.so.6")).isEmpty();
        assertThat(container.mayHang("/usr/lib/libc.so.6", Mounts.device(0, 50), new Mounts("")))
                .isEmpty();
        assertThat(container.mayHang("/data/f")).contains("fuse.s3");
    }
}
