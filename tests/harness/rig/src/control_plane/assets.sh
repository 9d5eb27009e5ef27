# Runs etcd, the API server and, where there is one, the controller manager from the directory $1,
# with data, logs and a kubeconfig in $2 and the API server on port $3, until standard input closes.
# The flags are those of tests/harness/control-plane/supervise/components.go.
set -eu
assets=$1 port=$3
cd "$2"
umask 077
pids=
trap 'kill -9 $pids 2>/dev/null || true; cd /; rm -rf "$2"' EXIT
trap 'exit 1' HUP INT TERM

token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "$token,admin,admin,\"system:masters\"" > tokens.csv
cat > kubeconfig <<END
apiVersion: v1
kind: Config
clusters: [{name: control-plane, cluster: {server: "https://127.0.0.1:$port", certificate-authority: "$PWD/certs/apiserver.crt"}}]
users: [{name: admin, user: {token: "$token"}}]
contexts: [{name: control-plane, context: {cluster: control-plane, user: admin}}]
current-context: control-plane
END
cat > audit-policy.yaml <<END
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: Metadata
  resources:
  - {group: "", resources: [secrets, serviceaccounts/token]}
  - {group: authentication.k8s.io}
- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
- level: Metadata
END

run() {
  name=$1; shift
  "$assets/$name" "$@" < /dev/null > "$name.log" 2>&1 &
  pids="$pids $!"
}

run etcd --data-dir=etcd --unsafe-no-fsync --log-level=error \
  --listen-client-urls=unix://etcd.sock:0 --advertise-client-urls=unix://etcd.sock:0 \
  --listen-peer-urls=unix://peer.sock:0 --initial-advertise-peer-urls=unix://peer.sock:0 \
  --initial-cluster=default=unix://peer.sock:0
run kube-apiserver --etcd-servers=unix://etcd.sock:0 \
  --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --endpoint-reconciler-type=none --secure-port="$port" --cert-dir=certs \
  --authorization-mode=RBAC --token-auth-file=tokens.csv \
  --service-account-issuer=https://kubernetes.default.svc \
  --service-account-key-file=certs/apiserver.key --service-account-signing-key-file=certs/apiserver.key \
  --service-cluster-ip-range=10.0.0.0/24 \
  --audit-policy-file=audit-policy.yaml --audit-log-path=audit.log --audit-log-maxsize=4096

if [ -x "$assets/kube-controller-manager" ]; then
  # It ends at once if it comes before the API server and its certificate.
  tries=0
  until [ -s certs/apiserver.crt ] && "$assets/kubectl" --kubeconfig kubeconfig get --raw /readyz > /dev/null 2>&1; do
    tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1
    sleep 0.1
  done
  run kube-controller-manager --kubeconfig=kubeconfig --use-service-account-credentials \
    --service-account-private-key-file=certs/apiserver.key --root-ca-file=certs/apiserver.crt \
    --leader-elect=false --secure-port=0
fi
cat > /dev/null
