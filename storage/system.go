package storage

import (
	"errors"
	"fmt"
	"syscall"
)

// FromSystem wraps an error of the operating system in the error of this
// package it means, so that [Classify] knows it; another one is returned as it is.
func FromSystem(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	kind := ofErrno(errno)
	if kind == nil || errors.Is(err, kind) {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

func ofErrno(errno syscall.Errno) error {
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT:
		return ErrFull
	case syscall.EROFS:
		return ErrReadOnly
	case syscall.EACCES, syscall.EPERM:
		return ErrDenied
	case syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, syscall.ENOTCONN, syscall.ESHUTDOWN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH:
		return ErrOffline
	case syscall.ELOOP, syscall.ENOTDIR, syscall.EISDIR:
		return ErrIrregular
	}
	return nil
}
