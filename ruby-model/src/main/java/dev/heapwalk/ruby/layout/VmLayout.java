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
 * @param topSelf {@code top_self}
 * @param loadPath {@code load_path}
 * @param loadedFeatures {@code loaded_features}
 * @param trapList {@code trap_list.cmd}
 * @param frozenStrings {@code frozen_strings}
 * @param atExit {@code at_exit}
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
        int topSelf,
        int loadPath,
        int loadedFeatures,
        int trapList,
        int frozenStrings,
        int atExit,
        int shapeList) {

    static VmLayout of(int version) {
        return switch (version) {
            case 207 -> new VmLayout(1296, 0, 1152, -1, -1, 192, 312, 352, -1, 400, 408, 432, 472, 1176, 1160, -1);
            case 300 -> new VmLayout(9424, 0, 1088, 8, 32, 40, -1, 328, -1, 376, 384, 416, 448, 1112, 1096, -1);
            case 301 -> new VmLayout(9440, 0, 1104, 8, 32, 40, -1, 328, -1, 376, 384, 416, 456, 1120, 1112, -1);
            case 302 -> new VmLayout(9432, 0, 1144, 8, 32, 40, -1, 328, -1, 400, 408, 440, 496, 1160, 1152, 376);
            case 303 -> new VmLayout(9600, 0, 1304, 8, 32, 40, -1, 512, -1, 560, 568, 600, 656, 1320, 1312, -1);
            case 304 -> new VmLayout(9600, 0, 1296, 8, 32, 40, -1, 512, 520, 568, 576, 608, 664, 1320, 1312, -1);
            default -> new VmLayout(9552, 0, 1248, 8, 32, 40, -1, 512, 520, -1, -1, -1, 592, -1, 1264, -1);
        };
    }
}
