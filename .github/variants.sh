#!/usr/bin/env bash
# variants.sh BACKBONE NORMALIZE OI-BOXES-ARGUMENT...: trains every kind of model
# that the README compares, and prints for each and each seed its accuracy on val
# and on test, how long that took from photos to model, and the model's size.
#
#	OI_METADATA=DIR OI_IMAGES=DIR .github/variants.sh net.onnx -1..1 --dataset v4 \
#	    --subset train,validation,test --split hash Apple Banana
#
# SIZES ("128 224"), SEEDS ("1 2 3"), EPOCHS (6, of fine-tuning) and
# SCRATCH_EPOCHS (30) say how many. From scratch the first size is taken; longer
# has twice the epochs, harder variants, CutMix and a learning rate that falls. The
# first fine-tuned model is the teacher of taught, of taught-longer, which is both,
# and of wide, which is that of a wider network. What has no seed runs once. The
# models stay in the folder where it is started.
set -euo pipefail
usage='usage: variants.sh BACKBONE NORMALIZE OI-BOXES-ARGUMENT...'
backbone=${1:?$usage} normalize=${2:?$usage}
shift 2
read -ra sizes <<<"${SIZES:-128 224}"
read -ra seeds <<<"${SEEDS:-1 2 3}"
epochs=${EPOCHS:-6} scratch_epochs=${SCRATCH_EPOCHS:-30}

train() { # train NAME SEED OI-CROP-OPTIONS OI-AUGMENT-OPTIONS OI-TRAIN-OPTION...: no variants without their options
	local name=$1 seed=$2 crops=$3 variants=$4 begin=$SECONDS
	shift 4
	# shellcheck disable=SC2086 # an option a word
	oi-crop -q $crops photos.oi >crops.oi
	# shellcheck disable=SC2086
	{ [ -z "$variants" ] && cat crops.oi || oi-augment -q $variants crops.oi; } | oi-train -q -o "$name" "$@" >/dev/null
	printf '| %s | %s | %s | %s | %d s | %d kB |\n' "$name" "$seed" "$(accuracy "$name" val)" "$(accuracy "$name" test)" \
		$((SECONDS - begin)) $(($(wc -c <"$name.onnx") / 1000))
}

fine_tuned() { # fine_tuned NAME OI-CROP-OPTIONS: a model of each seed
	local name=$1 crops=$2 seed
	for seed in "${seeds[@]}"; do
		train "$name-$seed" "$seed" "$crops" "--preset article --epochs $epochs --seed $seed" "${head[@]}" --fine-tune auto --seed "$seed"
	done
}

accuracy() { # accuracy NAME SET
	oi-eval -q --set "$2" --report "$1.$2.json" "$1.onnx" crops.oi >/dev/null
	jq '.evaluation.accuracy * 1000 | round / 1000' "$1.$2.json"
}

oi-boxes -q "$@" | oi-fetch -q >photos.oi
echo '| model | seed | val | test | time | size |'
echo '|---|---|---|---|---|---|'
head=(--backbone "$backbone" --normalize="$normalize")
for size in "${sizes[@]}"; do
	train "linear-$size" - "--size $size" '' "${head[@]}"
	fine_tuned "fine-tuned-$size" "--size $size"
	for second in "${sizes[@]}"; do
		[ "$second" -le "$size" ] || continue
		train "two-views-$size-$second" - "--size $size --two-views $second" '' "${head[@]}"
		fine_tuned "both-$size-$second" "--size $size --two-views $second"
	done
done
harder="--random-resized-crop 0.4 --brightness 0.3 --contrast 0.3 --saturation 0.3"
for seed in "${seeds[@]}"; do
	scratch=("--size ${sizes[0]}" "--preset light --epochs $scratch_epochs --seed $seed" --seed "$seed" --epochs "$scratch_epochs" --patience 6)
	train "scratch-$seed" "$seed" "${scratch[@]}"
	longer=("--size ${sizes[0]}" "--preset light $harder --epochs $((2 * scratch_epochs)) --seed $seed" \
		--seed "$seed" --epochs $((2 * scratch_epochs)) --cutmix 0.5 --lr-schedule linear --weight-decay 0.2)
	taught=(--teacher "fine-tuned-${sizes[0]}-${seeds[0]}.onnx")
	train "taught-$seed" "$seed" "${scratch[@]}" "${taught[@]}"
	train "longer-$seed" "$seed" "${longer[@]}"
	train "taught-longer-$seed" "$seed" "${longer[@]}" "${taught[@]}"
	train "wide-$seed" "$seed" "${longer[@]}" "${taught[@]}" --arch wide-residual
done
