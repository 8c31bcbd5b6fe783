// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C name {@code rb_vm_t}. The offsets are hints: what is found there is checked.
 *
 * @param size how many bytes are searched where a hint fails
 * @param self {@code self}, the object of type {@code VM}
 * @param objspace {@code gc.objspace}, {@code objspace} before 3.3
 * @param ractors {@code ractor.set}, the list of ractors, or -1 before 3.0
 * @param mainRactor {@code ractor.main_ractor}, or -1 before 3.0
 * @param mainThread {@code ractor.main_thread}, {@code main_thread} before 3.0
 * @param livingThreads {@code living_threads}, or -1 since 3.0
 * @param markObjectAry {@code mark_object_ary}
 * @param globalObjectList {@code global_object_list}, or -1 before 4.0
 * @param trapList {@code trap_list.cmd}
 * @param shapeList {@code shape_list}, in 3.2 only
 */
public record VmLayout(
        int size,
        int self,
        int objspace,
        int ractors,
        int mainRactor,
        int mainThread,
        int livingThreads,
        int markObjectAry,
        int globalObjectList,
        int trapList,
        int shapeList) {

    static VmLayout of(int version) {
        return switch (version) {
            case 207 -> new VmLayout(1296, 0, 1152, -1, -1, 192, 312, 352, -1, 472, -1);
            case 300 -> new VmLayout(9424, 0, 1088, 8, 32, 40, -1, 328, -1, 448, -1);
            case 301 -> new VmLayout(9440, 0, 1104, 8, 32, 40, -1, 328, -1, 456, -1);
            case 302 -> new VmLayout(9432, 0, 1144, 8, 32, 40, -1, 328, -1, 496, 376);
            case 303 -> new VmLayout(9600, 0, 1304, 8, 32, 40, -1, 512, -1, 656, -1);
            case 304 -> new VmLayout(9600, 0, 1296, 8, 32, 40, -1, 512, 520, 664, -1);
            default -> new VmLayout(9552, 0, 1248, 8, 32, 40, -1, 512, 520, 592, -1);
        };
    }
}
