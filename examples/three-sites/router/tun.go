package router

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// maxPacket is the largest packet a device may carry.
const maxPacket = 65536

// OpenTUN makes the TUN device name in the network namespace of the calling
// thread, with an address in its subnet, and brings it and the loopback
// device up. The file stays usable outside that namespace.
func OpenTUN(name string, addr netip.Prefix, mtu int) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil, fmt.Errorf("open /dev/net/tun: %w (load the module with `modprobe tun`; a container needs --device /dev/net/tun)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w (this needs root)", err)
	}
	if err := setUp(fd, name, addr, mtu); err != nil {
		return nil, errors.Join(fmt.Errorf("set up the device %s: %w", name, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

func setUp(tun int, name string, addr netip.Prefix, mtu int) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(tun, unix.TUNSETIFF, r); err != nil {
		return fmt.Errorf("TUNSETIFF: %w", err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(s) }()
	mask := net4Mask(addr.Bits())
	return errors.Join(
		setAddr(s, unix.SIOCSIFADDR, name, addr.Addr().As4()),
		setAddr(s, unix.SIOCSIFNETMASK, name, mask),
		setInt(s, unix.SIOCSIFMTU, name, uint32(mtu)),
		setInt(s, unix.SIOCSIFTXQLEN, name, queueLength),
		up(s, name), up(s, "lo"))
}

// queueLength is how many packets wait until they are read: a burst of a large window.
const queueLength = 10_000

func net4Mask(bits int) (m [4]byte) {
	for i := range bits {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

func setAddr(s int, request uint, name string, addr [4]byte) error {
	r, err := unix.NewIfreq(name)
	if err == nil {
		err = r.SetInet4Addr(addr[:])
	}
	if err == nil {
		err = unix.IoctlIfreq(s, request, r)
	}
	if err != nil {
		return fmt.Errorf("set address or mask %v: %w", addr, err)
	}
	return nil
}

func setInt(s int, request uint, name string, value uint32) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	r.SetUint32(value)
	if err := unix.IoctlIfreq(s, request, r); err != nil {
		return fmt.Errorf("set size to %d: %w", value, err)
	}
	return nil
}

func up(s int, name string) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, r); err != nil {
		return fmt.Errorf("read the flags of %s: %w", name, err)
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("bring %s up: %w", name, err)
	}
	return nil
}
