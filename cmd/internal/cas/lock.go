package cas

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
)

// TryLock keeps other processes that share the folder from the same key until
// release is called, the cache is closed or this process is gone, however it
// ended. It reports false if another process has the key. Within one process a
// key can be locked several times; its first release frees it.
//
// A lock is advice: where the folder cannot have locks, or may not be written
// to, it is granted to everybody.
func (c *Cache) TryLock(key string) (release func(), ok bool) {
	file := c.lockFile()
	if file == nil {
		return func() {}, true
	}
	at := lockOffset(key)
	taken, err := lockByte(file, at)
	switch {
	case err != nil:
		return func() {}, true
	case taken:
		return nil, false
	}
	return func() { unlockByte(file, at) }, true
}

// lockFile opens the file of which each key locks a byte that need not exist,
// so that nothing has to be cleared away. It returns nil if that is impossible.
func (c *Cache) lockFile() *os.File {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lock == nil && !c.noLock {
		file, err := os.OpenFile(filepath.Join(c.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o666)
		c.lock, c.noLock = file, err != nil
	}
	return c.lock
}

func (c *Cache) closeLock() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lock == nil {
		return nil
	}
	file := c.lock
	c.lock, c.noLock = nil, true
	return file.Close()
}

// lockOffset is where the byte of a key is. That two keys may share one costs
// a wait.
func lockOffset(key string) int64 {
	sum := sha256.Sum256([]byte(key))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 2)
}
