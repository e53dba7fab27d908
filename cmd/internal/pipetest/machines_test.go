package pipetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/sample"
)

// machines runs the blocks of .github/MACHINES.md in one folder.
type machines struct {
	dir    string
	env    []string
	blocks map[string]string // by the word after sh
}

// readMachines takes the blocks from the page.
func readMachines(t *testing.T) *machines {
	if raceEnabled {
		t.Skip("the scripts run such pipes under the race detector")
	}
	m := &machines{dir: t.TempDir(), blocks: map[string]string{}}
	m.env = append(environment(m.dir), "PARALLEL_HOME="+m.dir)
	for _, b := range blocksOf(t, ".github/MACHINES.md", 5) {
		m.blocks[b.words] = b.text
	}
	return m
}

// newMachines has the model of one machine, to compare with.
func newMachines(t *testing.T) *machines {
	m := readMachines(t)
	if out, err := m.run(t, m.blocks["one"]); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return m
}

// run runs a script, without anything that outlives it for long.
func (m *machines) run(t *testing.T, script string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	c.Dir, c.Env, c.WaitDelay = m.dir, m.env, time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}

// must runs a block, and compares the model of its name with one machine's.
func (m *machines) must(t *testing.T, name string) {
	t.Helper()
	if out, err := m.run(t, m.blocks[name]+"\ncmp one.onnx "+name+".onnx\n"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// refuses runs a script that is to fail with a message.
func (m *machines) refuses(t *testing.T, script, message string) {
	t.Helper()
	if out, err := m.run(t, script); err == nil || !regexp.MustCompile(message).MatchString(out) {
		t.Errorf("%s: %v, want %q in\n%s", script, err, message, out)
	}
}

func (m *machines) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// start runs a server until the test ends.
func (m *machines) start(t *testing.T, env []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Env = m.dir, append(m.env, env...)
	startServer(t, c)
	return c
}

// startServer starts a server, which ends with the test.
func startServer(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()
	})
}

// need skips the test where a program is missing.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if !have(p) {
			t.Skipf("no %s", p)
		}
	}
}

// onlyInCI skips what only a machine for tests should do, or has the time for:
// go test gives a package ten minutes, .ci/run twice as many.
func onlyInCI(t *testing.T) {
	t.Helper()
	if os.Getenv("OI_ALL_TESTS") == "" {
		t.Skip(".ci/run alone runs it, with OI_ALL_TESTS set")
	}
}

// onlyInLongCI skips what waits for minutes, or takes an hour's worth of work.
func onlyInLongCI(t *testing.T) {
	t.Helper()
	if os.Getenv("OI_LONG_TESTS") == "" {
		t.Skip(".ci/run --long alone runs it, with OI_LONG_TESTS set")
	}
}

// freePort returns a port of this machine that nobody listens at.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// listens waits until somebody listens at an address.
func listens(t *testing.T, address string) {
	t.Helper()
	var d net.Dialer
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := d.DialContext(t.Context(), "tcp", address); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("nobody listens at %s", address)
}

// TestMachinesSSH runs jobs on three machines, one of them dead and one whose
// sessions are killed once.
func TestMachinesSSH(t *testing.T) {
	onlyInCI(t)
	need(t, "parallel", "ssh", "ssh-keygen", "/usr/sbin/sshd")
	m := newMachines(t)
	port := freePort(t)
	if out, err := m.run(t, "mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f host_key; ssh-keygen -q -t ed25519 -N '' -f user_key"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// A session of the second host dies once, as its machine would: it kills
	// the shell that sshd has started for it.
	m.write(t, "die-once", "if mkdir "+m.dir+"/died 2>/dev/null; then kill -9 $PPID; fi\nexec bash -c \"$SSH_ORIGINAL_COMMAND\"\n", 0o700)
	m.write(t, "sshd_config", fmt.Sprintf("HostKey %[1]s/host_key\nAuthorizedKeysFile %[1]s/user_key.pub\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\nSetEnv PATH=%[2]s XDG_CACHE_HOME=%[1]s/cache\nMatch LocalAddress 127.0.0.3\nForceCommand bash %[1]s/die-once\n",
		m.dir, shared.bin+":"+os.Getenv("PATH")), 0o600)
	for _, host := range []string{"127.0.0.2", "127.0.0.3"} {
		address := fmt.Sprintf("%s:%d", host, port)
		m.start(t, nil, "/usr/sbin/sshd", "-D", "-f", filepath.Join(m.dir, "sshd_config"), "-o", "ListenAddress="+address)
		listens(t, address)
	}
	// Nobody listens at the third.
	m.write(t, "ssh_config", fmt.Sprintf("Host *\nPort %d\nIdentityFile %s/user_key\nUserKnownHostsFile /dev/null\nStrictHostKeyChecking no\nLogLevel ERROR\n", port, m.dir), 0o600)
	m.write(t, "hosts", "2/127.0.0.2\n2/127.0.0.3\n2/127.0.0.4\n", 0o600)
	m.env = append(m.env, "PARALLEL_SSH=ssh -F "+m.dir+"/ssh_config", "SHELL=/bin/bash")
	m.must(t, "ssh")
	if !exists(filepath.Join(m.dir, "died")) {
		t.Error("no session was killed")
	}
	m.refuses(t, "oi-train --arch reference --epochs 1 -o m d/1.oi d/3.oi d/4.oi", "1 of 4 shards are missing: 2")
}

// TestMachinesPlan: the calculator says what stands below it.
func TestMachinesPlan(t *testing.T) {
	need(t, "awk")
	m := readMachines(t)
	out, err := m.run(t, m.blocks["plan"])
	if err != nil || out == "" {
		t.Fatalf("%v\n%s", err, out)
	}
	page, err := os.ReadFile(filepath.Join(shared.root, ".github/MACHINES.md"))
	if err != nil || !strings.Contains(string(page), "```\n\n```\n"+out+"```\n") {
		t.Errorf("%v, or the page does not have what the block prints:\n%s", err, out)
	}
}

// TestMachinesCache has four commands start at once on an empty cache: each
// list is asked for once.
func TestMachinesCache(t *testing.T) {
	m := readMachines(t)
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	var lists []string
	for _, f := range d.Files() {
		lists = append(lists, f.Path)
	}
	server := oitest.New(t, oitest.ReadTree(t, sample.New().Open, lists))
	m.env = append(m.env, "OI_METADATA="+server.URL)
	if out, err := m.run(t, m.blocks["cache"]); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	asked := 0
	for _, path := range lists {
		n := server.Requests(path)
		if n > 1 {
			t.Errorf("%s was asked for %d times", path, n)
		}
		asked += n
	}
	if asked < 4 {
		t.Errorf("%d lists were asked for, want classes, boxes and photos at least", asked)
	}
	if out, err := m.run(t, "oi-crop --info c/?.oi"); err != nil {
		t.Errorf("the shards: %v\n%s", err, out)
	}
}

// TestMachinesPieces cuts a stream in pieces; a job of one dies once.
func TestMachinesPieces(t *testing.T) {
	need(t, "parallel")
	m := newMachines(t)
	m.must(t, "pieces")
	// The same with a job that dies once, and is resumed.
	real := filepath.Join(shared.bin, "oi-crop")
	m.write(t, "oi-crop", "#!/bin/sh\nif [ \"$PARALLEL_SEQ\" = 2 ] && mkdir died 2>/dev/null; then "+real+" \"$@\" | head -c 9000; exit 1; fi\nexec "+real+" \"$@\"\n", 0o700)
	m.env = append(m.env, "PATH="+m.dir+":"+shared.bin+":"+os.Getenv("PATH"))
	block := strings.Replace(m.blocks["pieces"], "cut --retries 3 ||", "cut && exit 9 ||", 1)
	if block == m.blocks["pieces"] {
		t.Fatal("the block has changed")
	}
	if out, err := m.run(t, "rm -rf p p.log pieces.*\n"+block+"\ncmp one.onnx pieces.onnx"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m.refuses(t, "head -c 9000 p/2.oi >torn; cat p/1.oi torn p/3.oi p/4.oi | oi-crop --info", "oi-crop: standard input: ")
}

// TestMachinesS3 sends streams through a server that speaks S3.
func TestMachinesS3(t *testing.T) {
	need(t, "rclone")
	m := newMachines(t)
	address := startS3(t)
	m.env = append(m.env, "RCLONE_CONFIG="+m.dir+"/rclone.conf")
	m.write(t, "rclone.conf", "[s3]\ntype = s3\nprovider = Other\naccess_key_id = a\nsecret_access_key = b\nendpoint = "+address+"\nforce_path_style = true\nregion = us-east-1\n", 0o600)
	m.must(t, "bucket")
	m.refuses(t, `set +o pipefail
		{ oi-boxes -q --dataset sample --limit 48 --shard 2/4 Hamburger Sandwich | oi-fetch -q | oi-crop -q --size 32 | head -c 5000; kill -9 $BASHPID; } | rclone rcat s3:bucket/2.oi
		rclone ls s3:bucket >&2
		for i in 1 2 3 4; do rclone cat s3:bucket/$i.oi; done | oi-train --arch reference --epochs 1 -o torn`, "5000 2.oi(?s:.*)oi-train: standard input: ")
}

// TestMachinesSlurm runs an array job on three nodes, some of whose jobs are
// killed in mid-run and submitted again.
func TestMachinesSlurm(t *testing.T) {
	onlyInCI(t)
	need(t, "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "sbatch")
	if os.Geteuid() != 0 {
		t.Skip("Slurm's daemons want to be root")
	}
	m := newMachines(t)
	m.slurm(t)
	m.must(t, "slurm")

	// The jobs of two shards die in mid-run: the training is held back, until
	// these two are there.
	if out, err := m.run(t, "rm -rf s slurm.onnx slurm.json slurm.html\n"+strings.Split(m.blocks["slurm"], "array=")[0]+`
		sed 's/^mv .*/if [ $i = 2 ] || [ $i = 3 ] ; then mkdir died$i 2>\/dev\/null \&\& kill -9 $$; fi\n&/' shard.sh >dying.sh
		array=$(sbatch --parsable --wait --array=1-4 dying.sh) && exit 9
		test ! -e s/2.oi; test ! -e s/3.oi; test -e s/1.oi
		oi-train --arch reference --epochs 1 -o slurm s/?.oi && exit 8
		again=$(sbatch --parsable --array=2,3 dying.sh)
		sbatch --wait --dependency=afterok:$again --wrap 'oi-train --arch reference --epochs 1 -o slurm s/?.oi'
		cmp one.onnx slurm.onnx`); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestMachinesRequeue lets a node die with all that runs on it: Slurm itself
// runs its shard again on another, once it waited its two minutes.
func TestMachinesRequeue(t *testing.T) {
	onlyInLongCI(t)
	need(t, "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "sbatch", "pkill")
	if os.Geteuid() != 0 {
		t.Skip("Slurm's daemons want to be root")
	}
	m := newMachines(t)
	m.slurm(t)
	if out, err := m.run(t, strings.Split(m.blocks["slurm"], "array=")[0]+`
		sed 's/^mv .*/if [ $i = 2 ] \&\& [ -z "${SLURM_RESTART_COUNT:-}" ]; then echo $SLURMD_NODENAME $$ $PPID >there; mv there dying; sleep 1d; fi\n&/' shard.sh >dying.sh
		array=$(sbatch --parsable --array=1-4 dying.sh)
		sbatch --parsable --dependency=afterok:$array --wrap 'oi-train --arch reference --epochs 1 -o slurm s/?.oi' >training
		for i in $(seq 600); do test -e dying && break; sleep 0.1; done
		read node job step <dying
		pkill -9 -f "slurmd -D -N $node -f $SLURM_CONF"
		kill -9 $step
		pkill -9 -P $job
		kill -9 $job
		scontrol update NodeName=$node State=DOWN Reason=dead
		while squeue -h -j $array,$(cat training) | grep -q .; do sleep 1; done
		scontrol show job ${array}_2 | grep -o Restarts=1
		! scontrol show job ${array}_2 | grep -o BatchHost=$node
		cmp one.onnx slurm.onnx`); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// slurm starts a controller and three nodes.
func (m *machines) slurm(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"munge", "state", "spool"} {
		if err := os.Mkdir(filepath.Join(m.dir, folder), 0o711); err != nil {
			t.Fatal(err)
		}
	}
	key := make([]byte, 1024)
	rand.Read(key)
	m.write(t, "munge/key", string(key), 0o400)
	controller := freePort(t)
	conf := fmt.Sprintf(slurmConf, host, controller, m.dir)
	for i := range 3 {
		conf += fmt.Sprintf("NodeName=n%d NodeHostname=%s NodeAddr=127.0.0.%d Port=%d CPUs=2 State=UNKNOWN\n", i+1, host, i+2, freePort(t))
	}
	conf += "PartitionName=all Nodes=n1,n2,n3 Default=YES MaxTime=INFINITE State=UP\n"
	m.write(t, "slurm.conf", conf, 0o600)
	m.env = append(m.env, "SLURM_CONF="+filepath.Join(m.dir, "slurm.conf"))
	in := func(name string) string { return filepath.Join(m.dir, name) }
	m.start(t, nil, "/usr/sbin/munged", "--foreground", "--force", "--key-file="+in("munge/key"), "--socket="+in("munge/munge.socket"),
		"--pid-file="+in("munge/pid"), "--log-file="+in("munge/log"), "--seed-file="+in("munge/seed"))
	m.start(t, nil, "/usr/sbin/slurmctld", "-D", "-f", in("slurm.conf"))
	for i := range 3 {
		m.start(t, nil, "/usr/sbin/slurmd", "-D", "-N", fmt.Sprintf("n%d", i+1), "-f", in("slurm.conf"))
	}
	if out, err := m.run(t, "for i in $(seq 600); do test \"$(sinfo -h -N -t idle | wc -l)\" = 3 && exit; sleep 0.1; done; sinfo; exit 1"); err != nil {
		t.Fatalf("the nodes do not come up: %v\n%s", err, out)
	}
}

const slurmConf = `ClusterName=oi
SlurmctldHost=%s(127.0.0.1)
SlurmctldPort=%d
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=%[3]s/munge/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SwitchType=switch/none
StateSaveLocation=%[3]s/state
SlurmdSpoolDir=%[3]s/spool/%%n
SlurmctldPidFile=%[3]s/slurmctld.pid
SlurmdPidFile=%[3]s/slurmd.%%n.pid
SlurmctldLogFile=%[3]s/slurmctld.log
SlurmdLogFile=%[3]s/slurmd.%%n.log
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2
MinJobAge=3600
`
