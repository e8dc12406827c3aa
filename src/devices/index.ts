/**
 * Devices of User-Mode Linux kernels on simulated time: a program in TypeScript is the network card, the disk, the
 * console and the entropy of kernels that know nothing of it ([docs/devices.md](../../docs/devices.md)). And what networks
 * are made of: codecs for frames and what is in them, a switch, and files of captured frames.
 *
 * @module
 */

/** Who has an IPv4 address: ARP. */
export * as Arp from "./Arp.ts"
/** Entropy that a seed decides. */
export * as EntropyDevice from "./EntropyDevice.ts"
/** Ethernet frames. */
export * as Ethernet from "./Ethernet.ts"
/** All that is in a frame, and its name. */
export * as Frame from "./Frame.ts"
/** A host's part of ARP, IPv4, ICMP and UDP, without I/O. */
export * as Host from "./Host.ts"
/** Echoes, and messages about packets: ICMP. */
export * as Icmp from "./Icmp.ts"
/** IPv4 packets. */
export * as Ipv4 from "./Ipv4.ts"
/** How a kernel is booted as a guest of a world. */
export * as Kernel from "./Kernel.ts"
/** What isn't as its protocol says. */
export * as Malformed from "./Malformed.ts"
/** A network card. */
export * as NetworkDevice from "./NetworkDevice.ts"
/** The time over a network: NTP. */
export * as Ntp from "./Ntp.ts"
/** Files of captured frames: pcapng. */
export * as Pcapng from "./Pcapng.ts"
/** A switch that learns. */
export * as Switch from "./Switch.ts"
/** Segments of TCP. */
export * as Tcp from "./Tcp.ts"
/** Datagrams: UDP. */
export * as Udp from "./Udp.ts"
/** Any device, as functions or Effects. */
export * as VirtioDevice from "./VirtioDevice.ts"
