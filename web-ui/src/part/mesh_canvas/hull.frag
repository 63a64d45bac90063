#version 300 es
precision highp float;
uniform vec3 colours[16];
uniform vec4 knobs;
out vec4 drawn;
void main() {
  drawn = vec4(colours[int(knobs.w)] * knobs.z, knobs.z);
}
