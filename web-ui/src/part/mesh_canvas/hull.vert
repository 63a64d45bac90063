#version 300 es
precision highp float;
uniform vec4 camera;
uniform vec2 size;
layout(location = 0) in vec2 corner;
void main() {
  gl_Position = vec4((corner - camera.xy) * camera.z / size * vec2(2, -2), 0, 1);
}
