package router

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// TCP says how connections over a route behave; zero: as the kernel has it.
type TCP struct {
	Control string // what slows them down when a packet is lost, such as "cubic"
	Begin   int    // packets that are on their way at first
}

// Tune has connections out of the device name, whose address in its subnet is given, behave like that, as `ip route change … congctl … initcwnd` does; so they may
// where a machine's default may not be set: a kernel restricts that to what its own may be. It holds for the network namespace of the calling thread.
func Tune(name string, addr netip.Prefix, tcp TCP) error {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return fmt.Errorf("change the route of %s: %w", name, err)
	}
	host, subnet := addr.Addr().As4(), addr.Masked().Addr().As4()
	order := binary.NativeEndian
	var metrics []byte
	if tcp.Control != "" {
		metrics = append(metrics, attribute(unix.RTAX_CC_ALGO, append([]byte(tcp.Control), 0))...)
	}
	if tcp.Begin > 0 {
		metrics = append(metrics, attribute(unix.RTAX_INITCWND, order.AppendUint32(nil, uint32(tcp.Begin)))...)
	}
	message := []byte{unix.AF_INET, byte(addr.Bits()), 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_KERNEL, unix.RT_SCOPE_LINK, unix.RTN_UNICAST, 0, 0, 0, 0}
	message = append(message, attribute(unix.RTA_DST, subnet[:])...)
	message = append(message, attribute(unix.RTA_PREFSRC, host[:])...)
	message = append(message, attribute(unix.RTA_OIF, order.AppendUint32(nil, uint32(device.Index)))...)
	message = append(message, attribute(unix.RTA_METRICS, metrics)...)
	if err := ask(unix.RTM_NEWROUTE, unix.NLM_F_REPLACE, message); err != nil {
		return fmt.Errorf("change the route of %s to %+v: %w", name, tcp, err)
	}
	return nil
}

// attribute is a value as netlink takes it, filled up to whole words.
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	for len(b)%unix.RTA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

// ask sends one request to the kernel's routing and waits for its answer.
func ask(kind, flags uint16, message []byte) error {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(s) }()
	order := binary.NativeEndian
	b := order.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(message)))
	b = order.AppendUint16(b, kind)
	b = order.AppendUint16(b, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // its number, ours: the kernel sets them
	if err := unix.Sendto(s, append(b, message...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	answer := make([]byte, os.Getpagesize())
	n, _, err := unix.Recvfrom(s, answer, 0)
	if err != nil {
		return os.NewSyscallError("recvfrom", err)
	}
	const most = unix.SizeofNlMsghdr + 4
	if n < most || order.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("the kernel answers with %d bytes that are no acknowledgement", n)
	}
	if code := int32(order.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
