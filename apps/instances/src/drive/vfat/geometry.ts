/**
 * The file system that `mkfs.vfat` of Debian 12 makes of a file of 64 MiB, which is what Nova has it make:
 * FAT16, four sectors a cluster, everything on a boundary of a cluster.
 */
export const SECTOR = 512;
export const SECTORS_PER_CLUSTER = 4;
export const CLUSTER = SECTOR * SECTORS_PER_CLUSTER;
export const VOLUME_SIZE = 64 * 1024 * 1024;
export const TOTAL_SECTORS = VOLUME_SIZE / SECTOR;
export const RESERVED_SECTORS = 4;
export const FATS = 2;
export const FAT_SECTORS = 128;
export const ROOT_ENTRIES = 512;
export const ROOT_SECTORS = (ROOT_ENTRIES * 32) / SECTOR;
export const DATA_START = RESERVED_SECTORS + FATS * FAT_SECTORS + ROOT_SECTORS;
export const CLUSTERS = Math.floor((TOTAL_SECTORS - DATA_START) / SECTORS_PER_CLUSTER);
/** Clusters are counted from here. */
export const FIRST_CLUSTER = 2;
export const SECTORS_PER_TRACK = 32;
export const HEADS = 8;
export const MEDIA = 0xf8;
