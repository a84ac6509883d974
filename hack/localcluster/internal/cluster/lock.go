package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// ErrRunning says that another supervisor runs this cluster.
var ErrRunning = errors.New("the cluster is running already")

// lockPatience outlasts those who take the lock only to see whether it is free.
const lockPatience = 300 * time.Millisecond

// Lock makes the caller the cluster's only supervisor until unlock is called or its
// process ends, however it ends. It returns ErrRunning where there is one already.
func (l Layout) Lock() (unlock func() error, err error) {
	deadline := time.Now().Add(lockPatience)
	for {
		unlock, err := l.tryLock()
		if !errors.Is(err, ErrRunning) || time.Now().After(deadline) {
			return unlock, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Running reports whether a supervisor holds the cluster's lock.
func (l Layout) Running() (bool, error) {
	if _, err := os.Stat(l.lockFile()); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	unlock, err := l.tryLock()
	if errors.Is(err, ErrRunning) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, unlock()
}

func (l Layout) tryLock() (unlock func() error, err error) {
	file, err := os.OpenFile(l.lockFile(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the cluster: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = errors.Join(err, file.Close())
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrRunning
		}
		return nil, fmt.Errorf("locking the cluster: %w", err)
	}
	return file.Close, nil
}
