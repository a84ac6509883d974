package etcd

import (
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
)

// newLogger sends what etcd says, from warnings on, to the log of this process. What etcd holds to be fatal becomes a panic: at the
// start that is caught and explained, later it ends the process all the same.
//
// While etcd is being stopped its complaints about closed sockets are of interest to nobody but a debugger.
func newLogger(to klog.Logger, stopping *atomic.Bool) *zap.Logger {
	return zap.New(&core{to: to.WithName("etcd"), stopping: stopping}, zap.WithFatalHook(zapcore.WriteThenPanic))
}

type core struct {
	to       klog.Logger
	stopping *atomic.Bool
	fields   []zapcore.Field
}

var _ zapcore.Core = &core{}

func (c *core) Enabled(level zapcore.Level) bool { return level >= zapcore.WarnLevel }

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{c.to, c.stopping, append(c.fields[:len(c.fields):len(c.fields)], fields...)}
}

func (c *core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c *core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	encoder := zapcore.NewMapObjectEncoder()
	for _, field := range append(c.fields[:len(c.fields):len(c.fields)], fields...) {
		field.AddTo(encoder)
	}
	values := make([]any, 0, 2*len(encoder.Fields))
	for key, value := range encoder.Fields {
		values = append(values, key, value)
	}
	switch {
	case c.stopping.Load():
		c.to.V(4).Info(entry.Message, values...)
	case entry.Level > zapcore.WarnLevel:
		c.to.Error(nil, entry.Message, values...)
	default:
		c.to.Info(entry.Message, values...)
	}
	return nil
}

func (c *core) Sync() error { return nil }
