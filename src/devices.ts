/**
 * Devices of User-Mode Linux kernels on simulated time: a program in TypeScript is the network card, the disk, the
 * console and the entropy of kernels that know nothing of it ([docs/devices.md](../docs/devices.md)). And what networks
 * are made of: codecs for frames and what is in them, a switch, and files of captured frames
 * ([docs/networks.md](../docs/networks.md)).
 *
 * @module
 */

/** ARP: which MAC address has an IPv4 address. */
export * as Arp from "./devices/Arp.ts"
/** A disk. */
export * as BlockDevice from "./devices/BlockDevice.ts"
/** A console. */
export * as ConsoleDevice from "./devices/ConsoleDevice.ts"
/** A source of entropy. */
export * as EntropyDevice from "./devices/EntropyDevice.ts"
/** Ethernet frames. */
export * as Ethernet from "./devices/Ethernet.ts"
/** All that is in a frame, and its name. */
export * as Frame from "./devices/Frame.ts"
/** A host's part of ARP, IPv4, ICMP and UDP, without I/O. */
export * as Host from "./devices/Host.ts"
/** Echoes, and messages about packets: ICMP. */
export * as Icmp from "./devices/Icmp.ts"
/** IPv4 packets. */
export * as Ipv4 from "./devices/Ipv4.ts"
/** How a kernel is booted as a guest of a world. */
export * as Kernel from "./devices/Kernel.ts"
/** A network that kernels connect to by one socket. */
export * as Lan from "./devices/Lan.ts"
/** What isn't as its protocol says. */
export * as Malformed from "./devices/Malformed.ts"
/** A network card. */
export * as NetworkDevice from "./devices/NetworkDevice.ts"
/** The time over a network: NTP. */
export * as Ntp from "./devices/Ntp.ts"
/** Files of captured frames: pcapng. */
export * as Pcapng from "./devices/Pcapng.ts"
/** A switch that learns. */
export * as Switch from "./devices/Switch.ts"
/** Segments of TCP. */
export * as Tcp from "./devices/Tcp.ts"
/** Datagrams: UDP. */
export * as Udp from "./devices/Udp.ts"
/** Any device, as functions or Effects. */
export * as VirtioDevice from "./devices/VirtioDevice.ts"
